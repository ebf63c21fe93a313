import Diagnostics
import LinuxKernel
import OCIFormat

/// What the layers of one import may take together. An archive can name one small blob for hundreds of layers, each
/// within its own limits; only their sum says what the archive becomes.
///
/// Layers are unpacked one after another, so each may take all that is left. One the store has already takes nothing.
final class LayerBudget {
    /// What one layer may take, as the unpacker is told.
    struct Share: Equatable {
        var bytes: UInt64
        var entries: UInt64
    }

    private let limits: ImageLimits
    private var bytesLeft: UInt64
    private var entriesLeft: UInt64

    init(_ limits: ImageLimits) {
        self.limits = limits
        bytesLeft = limits.imageBytes
        entriesLeft = limits.imageEntries
    }

    /// For the layer that is unpacked next, `shown` in the refusal.
    /// - Throws: `layer.limit` when nothing is left, so that no unpacker is started for nothing.
    func share(for shown: String) throws(Failure) -> Share {
        guard bytesLeft > 0 else { throw refusal(bytesLimit, of: shown) }
        guard entriesLeft > 0 else { throw refusal(entriesLimit, of: shown) }
        return Share(bytes: min(limits.expandedBytes, bytesLeft), entries: min(limits.layerEntries, entriesLeft))
    }

    /// Takes what a layer says it took. Its unpacker may have been taken over, and is not asked twice: it had no more
    /// than its share.
    func take(bytes: UInt64, entries: UInt64) {
        bytesLeft -= min(bytes, bytesLeft)
        entriesLeft -= min(entries, entriesLeft)
    }

    /// What the unpacker refused, in words about all layers where it was their sum that was too much.
    func cause(of failure: Failure, with share: Share, of shown: String) -> Failure {
        guard failure.code == Self.code else { return failure }
        if share.bytes < limits.expandedBytes, failure.limit == "expanded bytes \(share.bytes)" {
            return refusal(bytesLimit, of: shown)
        }
        if share.entries < limits.layerEntries, failure.limit == "entries \(share.entries)" {
            return refusal(entriesLimit, of: shown)
        }
        return failure
    }

    private static let code: Failure.Code = "layer.limit"
    private var bytesLimit: String { "bytes of all layers \(limits.imageBytes)" }
    private var entriesLimit: String { "entries of all layers \(limits.imageEntries)" }

    private func refusal(_ limit: String, of shown: String) -> Failure {
        Failure(
            Self.code, doing: "unpack \(shown)", cause: "the layers together are beyond the limit: \(limit)",
            remedy: "import one image at a time, or raise the limit if they are trusted", field: "layers",
            limit: limit)
    }
}

/// What the store leaves of its file system to everybody else on it: a layer is not begun on less.
enum StoreReserve {
    /// Whichever is less: a hundredth of a large file system would be gigabytes.
    private static let bytesMax: UInt64 = 64 << 20
    private static let share: UInt64 = 100

    static func refusal(of space: FilesystemSpace, at path: String, before shown: String) -> Failure? {
        let reserve = min(bytesMax, space.total / share)
        guard space.available < reserve else { return nil }
        return Failure(
            "image.disk-full", doing: "unpack \(shown) in", on: path,
            cause: "its file system has \(space.available) bytes left, and \(reserve) are kept free",
            remedy: StoreFailure.freeSpace, limit: "bytes kept free \(reserve)", retry: .later)
    }
}
