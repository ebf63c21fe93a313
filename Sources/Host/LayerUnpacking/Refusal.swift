import Diagnostics
import LinuxKernel

/// The failures this module makes, so that each kind has one code and one form.
enum Refusal {
    /// A bound was reached. `limit` names it with its value; `entry` is the archive entry at fault.
    static func limit(
        _ doing: String, on entry: [UInt8]? = nil, field: String? = nil, _ limit: String
    ) -> Failure {
        Failure(
            "layer.limit", doing: doing, on: entry.map(shown), cause: "it is beyond the limit: \(limit)",
            remedy: "raise the limit if the image is trusted", field: field, limit: limit)
    }

    /// An entry says something that cannot be carried out safely.
    static func entry(_ name: [UInt8], field: String, _ cause: String) -> Failure {
        Failure(
            "layer.entry-invalid", doing: "unpack the entry", on: shown(name), cause: cause,
            remedy: "the image is damaged or hostile; do not use it", field: field)
    }

    /// The bytes are not the archive they should be.
    static func archive(_ cause: String, at name: [UInt8]?) -> Failure {
        Failure(
            "layer.archive-invalid", doing: "read the tar archive", on: name.map { "after " + shown($0) }, cause: cause,
            remedy: "the archive is damaged; export or download it again")
    }

    /// The archive makes the decoder use more memory than it may have.
    static func memory(at name: [UInt8]? = nil) -> Failure {
        Failure(
            "layer.memory", doing: "unpack the archive", on: name.map { "after " + shown($0) },
            cause: "the tar decoder ran out of the memory it may use",
            remedy: "the image is damaged or hostile; do not use it")
    }

    static func digest(_ field: String, expected: String, found: String) -> Failure {
        Failure(
            "layer.digest-mismatch", doing: "verify the layer", on: expected, cause: "its content has \(found)",
            remedy: "the archive is damaged or was changed; export or download it again", field: field)
    }

    /// The kernel refused something while an entry was written.
    static func kernel(_ error: KernelError, at name: [UInt8]?) -> Failure {
        let full = error.errno == Errno.noSpace || error.errno == Errno.quotaExceeded
        return Failure(
            full ? "layer.disk-full" : "layer.write", doing: "unpack the entry", on: name.map(shown),
            cause: error.description, remedy: full ? "free space in the image store and try again" : nil,
            retry: full ? .later : .never)
    }

    /// An extended attribute the file system would not take.
    static func attribute(_ attribute: [UInt8], of name: [UInt8], _ error: KernelError) -> Failure {
        var failure = kernel(error, at: name)
        failure.field = "xattr " + shown(attribute)
        if error.errno == Errno.notSupported {
            failure.remedy = "keep the image store on a file system with extended attributes: ext4, xfs or btrfs"
        }
        return failure
    }

    static func shown(_ name: [UInt8]) -> String {
        let text = String(decoding: name.prefix(256), as: UTF8.self)
        return name.count > 256 ? text + "…" : text
    }
}
