import Diagnostics
import LinuxKernel
import OCIFormat

/// The blobs one import has taken from its source so far: each is taken once, so what was verified is what is stored.
final class StagedBlobs {
    private let contents: any ImageContents
    private let staging: Staging
    private let unpacker: Unpacker
    private var files: [Digest: RawPath] = [:]
    private var verified: Set<Digest> = []

    init(contents: any ImageContents, staging: Staging, unpacker: Unpacker) {
        self.contents = contents
        self.staging = staging
        self.unpacker = unpacker
    }

    /// The blob's file in the staging directory; its digest may still have to be verified.
    func file(_ descriptor: Descriptor) throws(Failure) -> RawPath {
        if let known = files[descriptor.digest] { return known }
        let blob = try contents.stage(descriptor)
        files[descriptor.digest] = blob.file
        if blob.isVerified { verified.insert(descriptor.digest) }
        return blob.file
    }

    /// Told by whoever read the whole blob and found this digest.
    func isVerified(_ digest: Digest) { verified.insert(digest) }

    /// As `file`, and its digest is what the descriptor says. For a layer that was in the store already, and so was not
    /// unpacked from this blob, it is computed now.
    func verifiedFile(_ descriptor: Descriptor) throws(Failure) -> RawPath {
        let file = try file(descriptor)
        try verify(descriptor, file)
        return file
    }

    /// Why a layer was refused: what cannot be unpacked may be a blob that is not the one the image names, which says
    /// more than what the decoder stumbled over.
    func cause(of refusal: Failure, at descriptor: Descriptor) -> Failure {
        guard refusal.code.rawValue.begins(with: "layer."), refusal.retry == .never, let file = files[descriptor.digest]
        else { return refusal }
        do throws(Failure) { try verify(descriptor, file) } catch {
            return error.code == Mismatch.digestCode ? error : refusal
        }
        return refusal
    }

    private func verify(_ descriptor: Descriptor, _ file: RawPath) throws(Failure) {
        guard !verified.contains(descriptor.digest) else { return }
        let input = try onStore("open a blob in", staging.root.path) { () throws(KernelError) in
            try staging.directory.open(file, [.readOnly, .noFollow])
        }
        let found = try unpacker.digest(of: input, named: "\(descriptor.digest)")
        guard found == descriptor.digest else {
            throw Mismatch.digest("\(descriptor.digest)", descriptor.digest, found)
        }
        verified.insert(descriptor.digest)
    }
}
