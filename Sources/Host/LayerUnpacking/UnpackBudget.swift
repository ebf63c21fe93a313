import Diagnostics
import OCIFormat

/// What one archive has taken of what it may take.
///
/// Everything that is made counts, also what no entry names: directories on the way to an entry, and what is copied
/// from layers below. A name a thousand levels deep is one entry and a thousand directories.
final class UnpackBudget {
    private let limits: ImageLimits
    /// Entries, and what was made for them besides.
    private(set) var files: UInt64 = 0
    /// Of content and attributes: holes and what was copied included.
    private(set) var bytes: UInt64 = 0

    init(_ limits: ImageLimits) { self.limits = limits }

    /// Counts an entry, whatever it makes itself, or one more file that is made for it.
    func takeFile(for entry: [UInt8]) throws(Failure) {
        files += 1
        if files > limits.layerEntries {
            throw Refusal.limit("unpack the entry", on: entry, field: "entries", "entries \(limits.layerEntries)")
        }
    }

    /// Counts `more` bytes before they are written. `entry` is nil for what is made before the first one.
    func take(bytes more: UInt64, for entry: [UInt8]?) throws(Failure) {
        let (sum, overflow) = bytes.addingReportingOverflow(more)
        bytes = sum
        if overflow || sum > limits.expandedBytes {
            throw Refusal.limit(
                "unpack the entry", on: entry, field: "size", "expanded bytes \(limits.expandedBytes)")
        }
    }
}
