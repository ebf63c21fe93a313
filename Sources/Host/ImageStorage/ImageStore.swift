public import Diagnostics
import LinuxKernel
public import OCIFormat
import TrustFormat

/// The images of this host: content by digest, never partially visible, layers unpacked once and shared.
///
/// Every call is synchronous and may block; several processes may use one store at a time. All calls throw
/// `image.store` and `image.disk-full` when the disk refuses, and `image.store-damaged` when what is stored cannot be
/// read.
public struct ImageStore: Sendable {
    let root: StoreRoot
    let unpacker: Unpacker
    let limits: ImageLimits
    let policy: PolicySource

    public static let defaultPath = "/var/lib/bulkhead"

    /// Opens the store, making it when it is not there, and removes what crashed processes left in it.
    /// - Throws: `image.store-unsafe` when others than the owner of this process could change or enter it.
    public init(
        root path: String = defaultPath, unpacker: Unpacker, limits: ImageLimits = .standard,
        policy: PolicySource = PolicySource()
    ) throws(Failure) {
        root = try StoreRoot(path: path)
        self.unpacker = unpacker
        self.limits = limits
        self.policy = policy
        let staging = try onStore("examine", path) { [root] () throws(KernelError) in try root.staging.status() }
        // Two links: no directory in it (file systems that do not count them have one).
        if staging.links != 2 { try Staging.sweep(root) }
    }

    public var path: String { root.path }

    // MARK: Import

    /// Imports what `request` names; all of its images become visible together, or none. Importing what is there
    /// already is cheap and changes only names.
    /// - Throws: what is wrong with the source, with the member, field or limit at fault. The store is then as it was.
    public func importImages(
        _ request: ImportRequest, onProgress: (ImportProgress) -> Void = { _ in }
    ) throws(Failure) -> [ImageSummary] {
        try withoutActuallyEscaping(onProgress) { onProgress throws(Failure) in
            try ImageImport(
                root: root, unpacker: unpacker, limits: limits, request: request, policy: policy, onProgress: onProgress
            ).run()
        }
    }

    // MARK: Questions

    /// All images: by their first name, dangling ones last and newest first.
    public func list() throws(Failure) -> [ImageSummary] {
        try StoreIndex(readFrom: root).records.map(ImageSummary.init).sorted { left, right in
            switch (left.references.first, right.references.first) {
            case (.some(let left), .some(let right)): left < right
            case (.some, nil): true
            case (nil, .some): false
            case (nil, nil): (right.imported, left.manifest) < (left.imported, right.manifest)
            }
        }
    }

    /// The image called `text`: a name, `name@sha256:…`, an identifier or the beginning of one that no other image
    /// shares.
    /// - Throws: `image.not-found`, `image.ambiguous`, `image.reference-invalid`.
    public func resolve(_ text: String) throws(Failure) -> StoredImage {
        var attempts = 5
        while true {
            // An image that another command removes, and perhaps brings back, between these two reads is not damaged:
            // the index says what it is now.
            let lookup = try ImageLookup(index: StoreIndex(readFrom: root))
            let (record, reference) = try lookup.record(text)
            do throws(Failure) {
                var image = try stored(record)
                (image.asked, image.isPinned) = lookup.asked(text, for: record, reference)
                return image
            } catch {
                attempts -= 1
                guard error.code == StoreFailure.damagedCode, attempts > 0 else { throw error }
            }
        }
    }

    private func stored(_ record: StoreIndex.Record) throws(Failure) -> StoredImage {
        let text = try blob(record.configuration, limit: Int(limits.documentBytes))
        let config = try ImageConfig(parsing: text, limits: limits)
        return StoredImage(
            summary: ImageSummary(record), config: config, configText: String(decoding: text, as: UTF8.self),
            chain: record.chain, layers: record.chain.map(root.layerPath), indexes: record.indexes,
            signatureDocument: record.signatures, importVerdict: record.verdict)
    }

    func blob(_ digest: Digest, limit: Int) throws(Failure) -> [UInt8] { try root.document(digest, limit: limit) }

    /// What the store holds, in bytes.
    public func diskUsage() throws(Failure) -> DiskUsage { try DiskUsage(of: root) }
}
