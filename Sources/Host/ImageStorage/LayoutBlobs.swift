import Diagnostics
import LinuxKernel
import OCIFormat

/// The blobs of an oci-archive: members that the unpacker has stored. Documents are verified when they are read, layers
/// when they are unpacked.
struct ArchiveBlobs: LayoutBlobs {
    let archive: ArchiveContents

    func file(named name: String, limits: ImageLimits) throws(Failure) -> [UInt8] {
        try archive.bytes(of: try archive.member(named: name), named: name, limits: limits)
    }

    func document(_ descriptor: Descriptor, limits: ImageLimits) throws(Failure) -> [UInt8] {
        let name = "blobs/sha256/\(descriptor.digest.hex)"
        let content = try archive.bytes(of: try member(descriptor), named: name, limits: limits)
        // Once more, of exactly the bytes that are read now.
        guard Digest(of: content) == descriptor.digest else {
            throw Mismatch.digest(name, descriptor.digest, Digest(of: content))
        }
        return content
    }

    func stage(_ descriptor: Descriptor) throws(Failure) -> StagedBlob {
        let member = try member(descriptor)
        return StagedBlob(file: member.file, isVerified: member.isDigested)
    }

    func signatureFile(_ number: Int) throws(Failure) -> [UInt8]? {
        guard let member = archive.members[.signature(number)] else { return nil }
        return try archive.bytes(of: member, named: "signature-\(number)", limits: SignatureFiles.limits)
    }

    private func member(_ descriptor: Descriptor) throws(Failure) -> ArchiveContents.Member {
        let name = "blobs/sha256/\(descriptor.digest.hex)"
        let member = try archive.member(named: name)
        guard member.size == descriptor.size else {
            throw Mismatch.size(descriptor.digest, descriptor.size, member.size)
        }
        guard member.digest == descriptor.digest else {
            throw Mismatch.digest(name, descriptor.digest, member.digest)
        }
        return member
    }

    /// Archives of current Docker carry `manifest.json` as well, which has the names.
    func names(ofConfiguration digest: Digest, limits: ImageLimits) throws(Failure) -> [ImageReference] {
        guard let member = archive.members[.dockerManifest] else { return [] }
        let content = try archive.bytes(of: member, named: "manifest.json", limits: limits)
        return try ArchiveManifest(parsing: content, limits: limits).images
            .filter { image in
                switch ArchiveMember(name: image.configuration) {
                case .blob(let other), .configuration(let other): other == digest
                default: false
                }
            }
            .flatMap(\.references)
    }
}

/// The blobs of an image layout in a directory, which may change while it is read: every file is opened without
/// following links, copied or read once, and only the copy is verified and used.
struct DirectoryBlobs: LayoutBlobs {
    let directory: OwnedDescriptor
    let staging: Staging

    func file(named name: String, limits: ImageLimits) throws(Failure) -> [UInt8] {
        let file = try open(
            name,
            missing: Failure(
                "image.layout-invalid", doing: "read the image layout", cause: "it has no \(name)",
                remedy: "name the directory that holds oci-layout and index.json", field: name))
        return try read(file, named: name, limits: limits)
    }

    func document(_ descriptor: Descriptor, limits: ImageLimits) throws(Failure) -> [UInt8] {
        let name = "blobs/sha256/\(descriptor.digest.hex)"
        let content = try read(
            try open(name, missing: Mismatch.missing(descriptor.digest)), named: name, limits: limits)
        guard content.count == descriptor.size else {
            throw Mismatch.size(descriptor.digest, descriptor.size, UInt64(content.count))
        }
        guard Digest(of: content) == descriptor.digest else {
            throw Mismatch.digest(name, descriptor.digest, Digest(of: content))
        }
        return content
    }

    func stage(_ descriptor: Descriptor) throws(Failure) -> StagedBlob {
        let source = try open(
            "blobs/sha256/\(descriptor.digest.hex)", missing: Mismatch.missing(descriptor.digest))
        let name = RawPath("b-\(descriptor.digest.hex)")
        let size = try onStore("copy the blob", "\(descriptor.digest)") { () throws(KernelError) -> UInt64 in
            let copy = try staging.directory.open(name, [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600)
            return try source.copyContent(to: copy, limit: descriptor.size)
        }
        guard size == descriptor.size else { throw Mismatch.size(descriptor.digest, descriptor.size, size) }
        return StagedBlob(file: name, isVerified: false)
    }

    func signatureFile(_ number: Int) throws(Failure) -> [UInt8]? {
        try SignatureFiles.content("signature-\(number)", in: directory)
    }

    func names(ofConfiguration digest: Digest, limits: ImageLimits) throws(Failure) -> [ImageReference] { [] }

    private func open(_ name: String, missing: Failure) throws(Failure) -> OwnedDescriptor {
        let file: OwnedDescriptor
        do throws(KernelError) {
            file = try directory.open(
                RawPath(name), [.readOnly, .nonBlocking, .noControllingTerminal],
                rules: [.beneath, .noLinks, .noMagicLinks])
        } catch {
            if error.errno == Errno.noEntry || error.errno == Errno.notDirectory { throw missing }
            throw error.failure("image.layout-invalid", doing: "open \(name) of the image layout")
        }
        let status = try onStore("examine", name) { () throws(KernelError) in try file.status() }
        guard status.kind == .regular else {
            throw Failure(
                "image.layout-invalid", doing: "read the image layout", cause: "\(name) is not a regular file",
                field: name)
        }
        return file
    }

    private func read(_ file: OwnedDescriptor, named name: String, limits: ImageLimits) throws(Failure) -> [UInt8] {
        do throws(KernelError) { return try file.readAll(limit: Int(limits.documentBytes)) } catch {
            throw error.failure("image.document-too-large", doing: "read \(name)")
        }
    }
}

extension OwnedDescriptor {
    /// Copies at most `limit` bytes and one more, so that a longer source is noticed. Answers how many were copied.
    func copyContent(to target: OwnedDescriptor, limit: UInt64) throws(KernelError) -> UInt64 {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 4_096)
        defer { buffer.deallocate() }
        var copied: UInt64 = 0
        while true {
            let count = try read(into: buffer)
            if count == 0 { return copied }
            copied += UInt64(count)
            if copied > limit { return copied }
            try target.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }
}
