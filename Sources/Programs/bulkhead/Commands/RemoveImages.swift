import ArgumentParser
import CommandOutput
import Diagnostics
import ImageStorage
import OCIFormat

struct RemoveImages: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Remove images by name or id.",
        discussion: """
            An image that a container uses is refused; with --force it leaves the list now and the disk later.

            Examples:
              bulkhead image rm busybox
              bulkhead image rm --force 4f3a
            """)

    @Flag(name: .shortAndLong, help: "Even when containers use it or it has several names.")
    var force = false
    @Argument(help: "Names or ids.")
    var images: [String]
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func run() throws {
        // Leases of containers that are gone must not keep an image.
        _ = try global.containerizer(sweeping: true)
        let store = try global.imageStore()
        var outcome = RemovalDocument()
        var failures: [Failure] = []
        for text in images {
            do throws(Failure) { outcome.add(try store.remove(text, force: force)) } catch { failures.append(error) }
        }
        try global.show(outcome) { outcome.text }
        guard let first = failures.first else { return }
        throw failures.dropFirst().reduce(first) { $0.also($1) }
    }
}

struct PruneImages: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Remove images that no container uses.",
        discussion: """
            Without options only those that have no name any more.

            Examples:
              bulkhead image prune
              bulkhead image prune --all
              bulkhead image prune --down-to 10g
            """)

    @Flag(name: .shortAndLong, help: "Those with names as well.")
    var all = false
    @Option(
        parsing: .unconditional,
        help: .init("The least recently used ones, until images take no more.", valueName: "size"))
    var downTo: String?
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func run() throws {
        var scope = all ? PruneScope.all : .dangling
        if let downTo {
            if all {
                throw Failure.flag("down-to", downTo, cause: "--all says something else", remedy: "give one of them")
            }
            scope = .downTo(bytes: try ByteSize.parse(downTo, flag: "down-to"))
        }
        _ = try global.containerizer(sweeping: true)
        var outcome = RemovalDocument()
        outcome.add(try global.imageStore().prune(scope))
        try global.show(outcome) { outcome.text + "freed \(SizeText.of(outcome.freedBytes))\n" }
    }
}

/// What `image rm` and `image prune` did.
struct RemovalDocument: Encodable {
    /// Names that were taken off images that stay.
    var untagged: [String] = []
    var removed: [ImageDocument] = []
    var freedBytes: UInt64 = 0

    mutating func add(_ outcome: RemovalOutcome) {
        untagged += outcome.untagged.map(\.familiar)
        removed += outcome.removed.map(ImageDocument.init)
        freedBytes += outcome.reclaimedBytes
    }

    var text: String {
        untagged.map { "untagged \($0)\n" }.joined()
            + removed.map { "removed \($0.names.isEmpty ? $0.id : $0.names.joined(separator: ", "))\n" }.joined()
    }
}
