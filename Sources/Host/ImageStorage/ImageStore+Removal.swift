public import Diagnostics
import LinuxKernel
public import OCIFormat

/// What a removal did.
public struct RemovalOutcome: Equatable, Sendable {
    /// Names that were taken off an image that stays.
    public var untagged: [ImageReference] = []
    public var removed: [ImageSummary] = []
    /// Bytes of layers and blobs that are gone.
    public var reclaimedBytes: UInt64 = 0
}

/// Which images `prune` removes. Images of containers always stay.
public enum PruneScope: Equatable, Sendable {
    /// Those without a name.
    case dangling
    case all
    /// All but those of these names or identifiers.
    case allExcept(Set<String>)
    /// The least recently used ones, until layers and blobs take no more than this.
    case downTo(bytes: UInt64)
}

extension ImageStore {
    /// Removes the name `text`, and with its last name the image; by identifier, the image with its only name.
    ///
    /// An image that a container uses is refused. With `force` it leaves the list, and its layers stay until the last
    /// such container is gone; so does, by identifier, an image with several names, and every image of that identifier.
    /// - Throws: `image.in-use` naming the containers, `image.several-names`, and what `resolve` throws.
    public func remove(_ text: String, force: Bool = false) throws(Failure) -> RemovalOutcome {
        var outcome = RemovalOutcome()
        try root.locked(for: "removing an image") { () throws(Failure) in
            var index = try StoreIndex(readFrom: root)
            let lookup = ImageLookup(index: index)
            let (record, reference) = try lookup.record(text)
            guard let position = index.records.firstIndex(where: { $0.manifest == record.manifest }) else { return }
            if let reference, record.references.count > 1 {
                index.records[position].references.removeAll { $0 == reference }
                outcome.untagged = [reference]
                return try index.write(to: root)
            }
            let alike = reference == nil ? lookup.identified(text) : []
            // A name with a digest says which one of them is meant.
            let victims = alike.isEmpty ? [record] : alike
            if !force { try checkRemovable(victims, named: text, byIdentifier: reference == nil) }
            index.records.removeAll { candidate in victims.contains { $0.manifest == candidate.manifest } }
            try index.write(to: root)
            outcome.removed = victims.map(ImageSummary.init)
        }
        if !outcome.removed.isEmpty { outcome.reclaimedBytes = try GarbageCollection(root: root).run().bytes }
        return outcome
    }

    private func checkRemovable(
        _ victims: [StoreIndex.Record], named text: String, byIdentifier: Bool
    ) throws(Failure) {
        // One without a name can still be named by its manifest.
        let names = victims.flatMap { $0.references.isEmpty ? ["\($0.manifest)"] : $0.references.map(\.familiar) }
        guard !byIdentifier || names.count <= 1 else {
            throw Failure(
                "image.several-names", doing: "remove the image", on: text,
                cause: "it is called \(names.joined(separator: ", "))",
                remedy: "remove its names one by one, or all with --force", field: "image")
        }
        let manifests = Set(victims.map(\.manifest))
        let users = try Lease.all(in: root).filter { manifests.contains($0.manifest) }.map(\.container)
        guard users.isEmpty else {
            let more = users.count > 8 ? " and \(users.count - 8) more" : ""
            throw Failure(
                "image.in-use", doing: "remove the image", on: text,
                cause:
                    "container\(users.count == 1 ? "" : "s") \(users.prefix(8).joined(separator: ", "))\(more) use it",
                remedy: "remove the containers first, or use --force to take it off the list until they are gone",
                field: "image", retry: .later)
        }
    }

    /// Removes images nobody uses, and whatever no image refers to.
    public func prune(_ scope: PruneScope) throws(Failure) -> RemovalOutcome {
        var outcome = RemovalOutcome()
        try root.locked(for: "pruning images") { () throws(Failure) in
            var index = try StoreIndex(readFrom: root)
            let pinned = Set(try Lease.all(in: root).map(\.manifest))
            let victims = try victims(of: scope, in: index, pinned: pinned)
            guard !victims.isEmpty else { return }
            outcome.removed = index.records.filter { victims.contains($0.manifest) }.map(ImageSummary.init)
            index.records.removeAll { victims.contains($0.manifest) }
            try index.write(to: root)
        }
        outcome.reclaimedBytes = try GarbageCollection(root: root).run().bytes
        return outcome
    }

    private func victims(
        of scope: PruneScope, in index: StoreIndex, pinned: Set<Digest>
    ) throws(Failure) -> Set<Digest> {
        let unused = index.records.filter { !pinned.contains($0.manifest) }
        switch scope {
        case .all: return Set(unused.map(\.manifest))
        case .allExcept(let names): return Set(unused.map(\.manifest)).subtracting(manifests(called: names, in: index))
        case .dangling: return Set(unused.filter(\.references.isEmpty).map(\.manifest))
        case .downTo(let bytes):
            let content = try StoredContent(of: root)
            var lastUsed: [Digest: Int64] = [:]
            for record in unused { lastUsed[record.manifest] = try content.lastUsed(record.manifest, in: root) }
            let oldestFirst = unused.sorted {
                (lastUsed[$0.manifest, default: 0], $0.manifest) < (lastUsed[$1.manifest, default: 0], $1.manifest)
            }
            var kept = index.records
            var victims: Set<Digest> = []
            for record in oldestFirst where content.bytes(of: kept) > bytes {
                kept.removeAll { $0.manifest == record.manifest }
                victims.insert(record.manifest)
            }
            return victims
        }
    }

    /// Of images that are listed so, with every form of their configuration's digest, or that a launch would find so.
    private func manifests(called names: Set<String>, in index: StoreIndex) -> Set<Digest> {
        let listed = index.records.filter { record in
            let own = record.references.flatMap { [$0.familiar, $0.description] }
                + ["\(record.configuration)", record.configuration.hex]
            return own.contains(where: names.contains)
        }
        var manifests = Set(listed.map(\.manifest))
        for name in names {
            do throws(Failure) {
                manifests.insert(try ImageLookup(index: index).record(name).record.manifest)
            } catch {
                continue  // No launch finds anything by it.
            }
        }
        return manifests
    }
}
