import ArgumentParser
import CommandOutput
import Containers
import Diagnostics
import LinuxKernel
import NativeContainerizer

struct Stats: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Show what running containers use, again every second.",
        discussion: """
            A dash: this host does not count it (see 'bulkhead host').

            Examples:
              bulkhead stats
              bulkhead stats --no-stream --output json web
            """)

    @Flag(help: "Once, measured over one second.")
    var noStream = false
    @Argument(help: "Names or ids (usual: every running container).")
    var containers: [String] = []
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func run() throws {
        let containerizer = try global.containerizer(sweeping: true)
        var before = try usages(containerizer)
        repeat {
            Interval.pass(seconds: 1)
            let now = try samples(containerizer)
            let documents = now.map { UsageDocument($0, since: before[$0.request.id]) }
            if global.output == .json {
                try Console.write(try JSONDocument.text(documents, isPretty: noStream))
            } else {
                // Each table in the place of the one before, where the output can do that.
                let clear = noStream || !Console.isTerminal(1) ? "" : "\u{1b}[H\u{1b}[J"
                try Console.write(clear + UsageDocument.table(documents))
            }
            before = Dictionary(uniqueKeysWithValues: now.map { ($0.request.id, $0.usage) })
        } while !noStream
    }

    struct Sample {
        var request: ContainerRequest
        var usage: ContainerUsage
    }

    private func samples(_ containerizer: NativeContainerizer) throws(Failure) -> [Sample] {
        var requests: [ContainerRequest] = []
        if containers.isEmpty {
            requests = try containerizer.list().filter { $0.state == .running || $0.state == .paused }.map(
                \.record.request)
        } else {
            for text in containers { requests.append(try containerizer.find(text).request) }
        }
        var samples: [Sample] = []
        for request in requests {
            do throws(Failure) {
                samples.append(Sample(request: request, usage: try containerizer.usage(request.id)))
            } catch {
                // One that ended since it was listed is no failure, unless it was asked for by name.
                guard error.code == "container.not-running" || error.code == "container.not-found", containers.isEmpty
                else {
                    throw error
                }
            }
        }
        return samples
    }

    private func usages(_ containerizer: NativeContainerizer) throws(Failure) -> [ContainerID: ContainerUsage] {
        Dictionary(uniqueKeysWithValues: try samples(containerizer).map { ($0.request.id, $0.usage) })
    }
}

/// One line of `stats`. Nil: not counted here.
struct UsageDocument: Encodable {
    var id: String
    var name: String
    /// 100 is one whole processor.
    var cpuPercent: Double?
    var usage: ContainerUsage

    init(_ sample: Stats.Sample, since before: ContainerUsage?) {
        id = sample.request.id.text
        name = sample.request.name
        usage = sample.usage
        if let before, let then = before.cpuMicroseconds, let now = usage.cpuMicroseconds, usage.at > before.at,
            now >= then
        {
            cpuPercent = Double(now - then) / 1e4 / (usage.at - before.at)
        }
    }

    static func table(_ documents: [UsageDocument]) -> String {
        var table = TextTable(
            headings: [
                "NAME", "CPU", "THROTTLED", "MEMORY", "LIMIT", "PIDS", "DISK", "READ", "WRITTEN", "RECEIVED", "SENT",
                "PRESSURE",
            ])
        for document in documents {
            let usage = document.usage
            let pids = (usage.threads ?? usage.processes).map { "\($0)" + (usage.processLimit.map { "/\($0)" } ?? "") }
            let pressure = usage.pressure.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)%" }
            table.rows.append([
                document.name, document.cpuPercent.map { "\(($0 * 10).rounded() / 10)%" } ?? "-",
                usage.throttledMicroseconds.map { "\($0 / 1_000) ms" } ?? "-",
                bytes(usage.memoryBytes), bytes(usage.memoryLimitBytes), pids ?? "-", disk(usage),
                bytes(usage.readBytes), bytes(usage.writtenBytes), bytes(usage.networkReceivedBytes),
                bytes(usage.networkSentBytes),
                pressure.isEmpty ? "-" : pressure.joined(separator: " "),
            ])
        }
        return table.text
    }

    /// What its files take and may take; counted for containers with a limit.
    private static func disk(_ usage: ContainerUsage) -> String {
        guard let used = usage.diskBytes else { return "-" }
        return ByteCount.text(used) + (usage.diskLimitBytes.map { "/" + ByteCount.text($0) } ?? "")
    }

    private static func bytes(_ count: UInt64?) -> String { count.map(ByteCount.text) ?? "-" }
}
