import Diagnostics
import LinuxKernel
import OCIFormat
import TrustFormat

/// Signatures as files, the way containers/image keeps them: `signature-1`, `signature-2` and so on in a `dir:` place
/// or beside an image layout's index.json, and below a lookaside directory at `<path>@sha256=<hex>/signature-N`, where
/// the path is the image's name without its registry.
enum SignatureFiles {
    /// For documents of an archive that are such files.
    static var limits: ImageLimits {
        var limits = ImageLimits.standard
        limits.documentBytes = UInt64(TrustLimits.signatureFileBytes)
        return limits
    }

    /// The signatures from number 1 on, up to the first number that is not there.
    static func all(
        named place: String = "", _ content: (Int) throws(Failure) -> [UInt8]?
    ) throws(Failure) -> [ImageSignature] {
        var signatures: [ImageSignature] = []
        while let bytes = try content(signatures.count + 1) {
            guard signatures.count < TrustLimits.signatures else {
                throw SignatureManifest.tooMany(signatures.count + 1)
            }
            signatures.append(
                try SignatureFile.signature(bytes, from: "\(place)signature-\(signatures.count + 1)"))
        }
        return signatures
    }

    /// The file of this name beneath `directory`, never through a link; nil when there is none.
    static func content(_ name: String, in directory: OwnedDescriptor) throws(Failure) -> [UInt8]? {
        do throws(KernelError) {
            let file = try directory.open(
                RawPath(name), [.readOnly, .nonBlocking, .noControllingTerminal],
                rules: [.beneath, .noLinks, .noMagicLinks])
            guard try file.status().kind == .regular else {
                throw KernelError(call: "open: it is not a regular file", on: name, errno: Errno.invalid)
            }
            return try file.readAll(limit: TrustLimits.signatureFileBytes)
        } catch {
            if error.errno == Errno.noEntry || error.errno == Errno.notDirectory { return nil }
            throw error.failure(
                "image.signature-invalid", doing: "read the signature", on: name,
                remedy: "signatures are regular files of at most \(TrustLimits.signatureFileBytes) bytes, never links")
        }
    }

    /// What the directory `path` has about each image: by the image's names and digests, or for all of them where it
    /// is a `dir:` place.
    /// - Throws: `image.signatures-unreadable`, and what is wrong with a signature.
    static func added(to plans: [ImagePlan], from path: String?) throws(Failure) -> [ImagePlan] {
        guard let path else { return plans }
        let directory: OwnedDescriptor
        do throws(KernelError) { directory = try OwnedDescriptor.open(RawPath(path), [.readOnly, .directory]) } catch {
            throw error.failure(
                "image.signatures-unreadable", doing: "open the directory of signatures", on: path,
                remedy: "name a lookaside directory, or what 'skopeo copy --sign-by … dir:…' wrote")
        }
        var plans = plans
        for index in plans.indices {
            var found = try all { number throws(Failure) in try content("signature-\(number)", in: directory) }
            for place in places(of: plans[index]) {
                found += try all(named: "\(place)/") { number throws(Failure) in
                    try content("\(place)/signature-\(number)", in: directory)
                }
            }
            for signature in found where !plans[index].signatures.contains(signature) {
                plans[index].signatures.append(signature)
            }
            let count = plans[index].signatures.count
            guard count <= TrustLimits.signatures else { throw SignatureManifest.tooMany(count) }
        }
        return plans
    }

    private static func places(of plan: ImagePlan) -> [String] {
        var places: [String] = []
        for reference in plan.references {
            // What stands behind the registry. A name in a store always has one.
            guard let slash = reference.name.position(of: "/") else { continue }
            let path = reference.name[reference.name.utf8.index(after: slash)...]
            for digest in plan.digests where !places.contains("\(path)@sha256=\(digest.hex)") {
                places.append("\(path)@sha256=\(digest.hex)")
            }
        }
        return places
    }
}
