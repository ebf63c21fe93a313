import Diagnostics
import OCIFormat

/// The documents one import keeps until it ends: whoever imports is not confined, so their memory is bounded here.
///
/// Each is kept once, and a configuration decoded once, however many images of an archive share it.
final class HeldDocuments {
    private let limits: ImageLimits
    private var bytes: UInt64 = 0
    private var texts: [Digest: [UInt8]] = [:]
    private var configurations: [Digest: ImageConfig] = [:]

    init(_ limits: ImageLimits) { self.limits = limits }

    /// `text`, counted if it was not held yet; equal texts share their memory.
    func held(_ text: [UInt8]) throws(Failure) -> [UInt8] {
        let digest = Digest(of: text)
        if let known = texts[digest] { return known }
        try count(text.count)
        texts[digest] = text
        return text
    }

    /// The configuration that `descriptor` names. `read` gives its bytes, verified, when it is met the first time.
    func configuration(
        _ descriptor: Descriptor, _ read: () throws(Failure) -> [UInt8]
    ) throws(Failure) -> (text: [UInt8], decoded: ImageConfig) {
        if let text = texts[descriptor.digest], let decoded = configurations[descriptor.digest] {
            guard UInt64(text.count) == descriptor.size else {
                throw Mismatch.size(descriptor.digest, descriptor.size, UInt64(text.count))
            }
            return (text, decoded)
        }
        let text = try held(try read())
        let decoded = try ImageConfig(parsing: text, limits: limits)
        configurations[descriptor.digest] = decoded
        return (text, decoded)
    }

    /// Counts bytes that are kept in another form.
    func count(_ more: Int) throws(Failure) {
        bytes += UInt64(more)
        guard bytes <= limits.importDocumentBytes else {
            throw Failure(
                "image.documents-too-large", doing: "read the images",
                cause: "their manifests, configurations and signatures have more than "
                    + "\(limits.importDocumentBytes) bytes together",
                remedy: "save fewer images in one archive",
                limit: "document bytes of an import \(limits.importDocumentBytes)")
        }
    }
}
