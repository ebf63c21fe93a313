import ArgumentParser
import CommandOutput
import Containers
import Diagnostics
import ImageStorage
import LinuxKernel
import NativeContainerizer
import OCIFormat

struct ListContainers: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ps", abstract: "List containers.",
        discussion: """
            Examples:
              bulkhead ps --all
              bulkhead ps -q --filter label=team=red
              bulkhead ps --all --output json
            """)

    @Flag(name: .shortAndLong, help: "Those that have ended as well.")
    var all = false
    @Flag(name: .shortAndLong, help: "Ids only.")
    var quiet = false
    @Flag(help: "Do not shorten anything.")
    var noTrunc = false
    @Option(
        name: [.customShort("f"), .long], parsing: .unconditionalSingleValue,
        help: .init(
            "name=, id=, image=, label=NAME[=VALUE], state=running|paused|ended; all must hold.", valueName: "key=value"
        ))
    var filter: [String] = []
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func run() throws {
        var filters: [ContainerFilter] = []
        for text in filter { filters.append(try ContainerFilter(parsing: text)) }
        let containerizer = try global.containerizer(sweeping: true)
        if filters.contains(where: { $0.key == .image }) {
            let images = try global.imageStore().list()
            for index in filters.indices { try filters[index].resolve(among: images) }
        }
        let showsEnded = self.all || filters.contains { $0.key == .state }
        let (all, damaged) = try containerizer.survey()
        for failure in damaged { try Console.write(Array(ErrorReport.text(failure, as: global.output).utf8), to: 2) }
        let containers = all.filter { status in
            (showsEnded || status.state != .ended) && filters.allSatisfy { $0.admits(status) }
        }
        let documents = containers.map(ContainerDocument.init)
        if quiet, global.output == .table { return try Console.write(documents.map { $0.id + "\n" }.joined()) }
        try global.show(documents) { table(containers) }
    }

    private func table(_ containers: [ContainerStatus]) -> String {
        var table = TextTable(headings: ["ID", "NAME", "IMAGE", "COMMAND", "STATE", "CREATED", "PORTS"])
        let now = HostFacts.wallClock()
        for status in containers {
            let request = status.record.request
            let command = request.process.arguments.joined(separator: " ")
            table.rows.append([
                request.id.text, request.name, request.image.reference.isEmpty ? "-" : request.image.reference,
                noTrunc ? command : command.shortened(to: 30), StateText.of(status, now: now),
                Age.text(now - status.record.createdAt), PortList.text(status),
            ])
        }
        return table.text
    }
}

enum PortList {
    private static let shownMax = 4

    /// What is published, while it is.
    static func text(_ status: ContainerStatus) -> String {
        let ports = status.state == .ended ? [] : status.record.request.isolation.network.ports
        if ports.isEmpty { return "-" }
        let more = ports.count > shownMax ? " and \(ports.count - shownMax) more" : ""
        return ports.prefix(shownMax).map(\.description).joined(separator: " ") + more
    }
}

enum StateText {
    static func of(_ status: ContainerStatus, now: Double) -> String {
        guard status.state == .ended, let exit = status.record.exit else { return status.state.rawValue }
        let reason = exit.reason == .memoryLimit ? ", out of memory" : exit.reason == .killed ? ", killed" : ""
        return "ended (\(exit.code)\(reason)) \(Age.text(now - exit.endedAt))"
    }
}

/// `--filter KEY=VALUE`.
struct ContainerFilter {
    enum Key: String, CaseIterable { case name, id, image, label, state }
    var key: Key
    var value: String
    /// Digests of the manifests of the image that `value` is the id of, or the beginning of it.
    private var manifests: Set<String> = []

    init(parsing text: String) throws(Failure) {
        let pair = text.cut(at: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let names = ["status": "state", "ancestor": "image"]
        guard pair.count == 2, let key = Key(rawValue: names[pair[0]] ?? pair[0]) else {
            throw .flag(
                "filter", text, cause: "there is no such filter",
                remedy: "known are \(Key.allCases.map { $0.rawValue + "=" }.joined(separator: ", "))")
        }
        (self.key, value) = (key, key == .state && pair[1] == "exited" ? "ended" : pair[1])
        guard key != .state || Self.states.contains(value) else {
            throw .flag(
                "filter", text, cause: "there is no such state",
                remedy: "known are \(Self.states.joined(separator: ", "))")
        }
    }

    private static let states: [String] =
        ([.creating, .running, .paused, .ended] as [ContainerStatus.State]).map(\.rawValue)

    /// Looks the value of an image filter up among the ids there are. One that begins none may still be a name.
    mutating func resolve(among images: [ImageSummary]) throws(Failure) {
        let digits = value.begins(with: "sha256:") ? String(value.dropFirst(7)) : value
        guard key == .image, digits.utf8.count >= 3 else { return }
        let found = images.filter { $0.id.hex.begins(with: digits) || $0.manifest.hex.begins(with: digits) }
        guard Set(found.map(\.id)).count <= 1 else {
            throw .flag("filter", value, cause: "several images begin so", remedy: "give more digits")
        }
        manifests = Set(found.map(\.manifest.description))
    }

    /// Whether it is a name of the image, which need not have its tag: `busybox` is `busybox:latest`.
    private func names(_ reference: String) -> Bool {
        if reference == value { return true }
        do throws(Failure) { return try ImageReference(parsing: value).familiar == reference } catch { return false }
    }

    func admits(_ status: ContainerStatus) -> Bool {
        let request = status.record.request
        switch key {
        case .name: return request.name.contains(value)
        case .id: return request.id.text.begins(with: value)
        case .image:
            return names(request.image.reference) || request.image.digest == value
                || manifests.contains(request.image.digest)
        case .state: return status.state.rawValue == value
        case .label:
            let pair = value.cut(at: "=", maxSplits: 1).map(String.init)
            guard let own = pair.first.flatMap({ request.labels[$0] }) else { return false }
            return pair.count == 1 || own == pair[1]
        }
    }
}
