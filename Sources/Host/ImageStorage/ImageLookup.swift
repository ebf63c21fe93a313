import Diagnostics
import OCIFormat

/// Finding an image by what a person typed. Pure.
struct ImageLookup {
    let index: StoreIndex

    /// The record, and the reference it was found by, nil when it was found by an identifier.
    func record(_ text: String) throws(Failure) -> (record: StoreIndex.Record, reference: ImageReference?) {
        if exactIdentifier(text) != nil { return (try only(identified(text), text), nil) }
        var notAName: Failure?
        do throws(Failure) {
            let reference = try ImageReference(parsing: text)
            if let found = find(reference) { return found }
        } catch {
            notAName = error
        }
        let matches = identified(text)
        if !matches.isEmpty { return (try only(matches, text), nil) }
        throw notAName ?? notFound(text)
    }

    /// Every record that `text` is an identifier of, or the beginning of one. Those of one configuration that was
    /// packed several times share theirs.
    func identified(_ text: String) -> [StoreIndex.Record] {
        if let digest = exactIdentifier(text) {
            return index.records.filter { $0.configuration == digest || $0.isNamed(by: digest) }
        }
        let prefix = text.begins(with: "sha256:") ? String(text.dropFirst(7)) : text
        guard prefix.utf8.count >= 3, prefix.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
        else { return [] }
        return index.records.filter {
            $0.configuration.hex.begins(with: prefix) || $0.manifest.hex.begins(with: prefix)
        }
    }

    private func find(_ reference: ImageReference) -> (StoreIndex.Record, ImageReference?)? {
        guard let digest = reference.digest else {
            return index.records.first { $0.references.contains(reference) }.map { ($0, reference) }
        }
        let sameName = index.records.first { record in
            record.isNamed(by: digest)
                && record.references.contains { known in
                    known.name == reference.name && (reference.tag == nil || known.tag == reference.tag)
                }
        }
        return sameName.map { ($0, nil) }
    }

    /// The name in `text`, which has found `record`, and whether it says what the image is and not only what it is
    /// called.
    func asked(
        _ text: String, for record: StoreIndex.Record, _ found: ImageReference?
    ) -> (ImageReference?, isPinned: Bool) {
        if let found { return (found, false) }
        if exactIdentifier(text) != nil { return (nil, true) }
        do throws(Failure) {
            let reference = try ImageReference(parsing: text)
            if let digest = reference.digest, record.isNamed(by: digest) { return (reference, true) }
        } catch { return (nil, true) }
        return (nil, true)
    }

    private func exactIdentifier(_ text: String) -> Digest? {
        let hex = text.begins(with: "sha256:") ? String(text.dropFirst(7)) : text
        do throws(Failure) { return try Digest(hex: hex) } catch { return nil }
    }

    private func only(_ matches: [StoreIndex.Record], _ text: String) throws(Failure) -> StoreIndex.Record {
        guard let first = matches.first else { throw notFound(text) }
        // The same configuration under two manifests (packed differently) is one image to whoever runs it.
        guard Set(matches.map(\.configuration)).count == 1 else {
            let ids = matches.prefix(8).map { $0.configuration.short }.joined(separator: ", ")
            throw Failure(
                "image.ambiguous", doing: "find the image", on: text, cause: "\(matches.count) images begin so: \(ids)",
                remedy: "give more digits", field: "image")
        }
        return first
    }

    private func notFound(_ text: String) -> Failure {
        Failure(
            "image.not-found", doing: "find the image", on: text, cause: "the image store does not have it",
            remedy: "see 'bulkhead image ls', or import it with 'bulkhead image import'", field: "image")
    }
}
