public import Diagnostics
import DurableStorage
import LinuxKernel
import OCIFormat

extension ImageStore {
    /// Pins `image` for `container` until `release`, and notes that the image was used. Leasing again for the same
    /// container replaces its lease.
    /// - Throws: `image.untrusted` when the policy in force does not let it be used, `image.not-found` when the image
    ///   was removed meanwhile.
    public func lease(container: String, image: StoredImage) throws(Failure) {
        let name = try Lease.fileName(container)
        _ = try admit(image)
        try root.locked(for: "leasing an image") { () throws(Failure) in
            let index = try StoreIndex(readFrom: root)
            guard let record = index.records.first(where: { $0.manifest == image.summary.manifest }) else {
                throw Self.removedMeanwhile(image)
            }
            let lease = Lease(container: container, record: record)
            try onStore("lease an image for", container) { () throws(KernelError) in
                try AtomicFile.replace(name, in: root.leases, with: Array(lease.text.utf8), durable: false)
                let now = HostFacts.wallClock()
                try root.blobs.setModified(
                    of: RawPath(record.manifest.hex), seconds: Int64(now),
                    nanoseconds: Int64((now - now.rounded(.down)) * 1e9))
            }
        }
    }

    static func removedMeanwhile(_ image: StoredImage) -> Failure {
        Failure(
            "image.not-found", doing: "use the image", on: "\(image.summary.id)", cause: "it was removed a moment ago",
            remedy: "import it again", field: "image")
    }

    /// Ends the container's lease. One that is not there is fine.
    public func release(container: String) throws(Failure) {
        let name = try Lease.fileName(container)
        try onStore("end the lease of", container) { () throws(KernelError) in
            do throws(KernelError) { try root.leases.unlink(name) } catch {
                if error.errno != Errno.noEntry { throw error }
            }
        }
    }

    /// All leases, sorted by container.
    public func leases() throws(Failure) -> [Lease] { try Lease.all(in: root) }

    /// Who has a lease, without reading what of: cheap with any number of containers.
    public func leaseHolders() throws(Failure) -> [String] {
        let entries = try onStore("list leases in", root.path) { () throws(KernelError) in try root.leases.entries() }
        return entries.map(\.name).filter { !$0.bytes.starts(with: AtomicFile.temporaryPrefix.utf8) }.map(\.description)
    }

    /// The directories of leased layers, lowest first: for a container whose image has been removed by force meanwhile.
    public func layers(of lease: Lease) -> [String] { lease.chain.map(root.layerPath) }
}
