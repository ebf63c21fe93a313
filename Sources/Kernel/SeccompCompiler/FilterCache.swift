import CSeccomp
public import Diagnostics
import LinuxKernel
public import SeccompFormat

/// Keeps compiled filters as files, so that a launch reads two kilobytes instead of compiling.
///
/// Nothing depends on it: an entry that is absent, torn, of another program or of another libseccomp is compiled again
/// and replaced, and a directory that is not ours or that others can write is not used at all. Several processes may
/// use one directory at a time.
public struct FilterCache: Sendable {
    /// More entries than this, and the directory is emptied first.
    public static let entriesMax = 64

    private let directory: String

    /// Uses `directory`, which must be this user's and writable by nobody else; it is made with mode 0700 when absent.
    public init(directory: String) { self.directory = directory }

    /// The filter, from the directory or compiled now and kept there. Why it could not be kept is among its notes.
    ///
    /// - Throws: `Failure` of the profile only, as `FilterRequest.compiled`; never because of the cache.
    public func filter(_ request: FilterRequest) throws(Failure) -> CompiledFilter {
        let key: FilterCacheKey
        let folder: OwnedDescriptor
        do throws(KernelError) {
            key = try FilterCacheKey(request)
            folder = try openDirectory()
            if let kept = try entry(key, in: folder) { return kept }
        } catch {
            return try request.compiled(notKept: error)
        }
        let filter = try request.compiled()
        do throws(KernelError) {
            try keep(filter, key, in: folder)
            return filter
        } catch {
            return filter.noting(error)
        }
    }

    private func openDirectory() throws(KernelError) -> OwnedDescriptor {
        try Directories.makeAll(directory, mode: 0o700)
        let folder = try OwnedDescriptor.open(RawPath(directory), [.directory, .noFollow])
        let status = try folder.status()
        guard status.uid == HostFacts.effectiveUser(), status.mode & 0o022 == 0 else {
            throw KernelError(call: "open: others can write it", on: directory, errno: Errno.accessDenied)
        }
        return folder
    }

    private func entry(_ key: FilterCacheKey, in folder: OwnedDescriptor) throws(KernelError) -> CompiledFilter? {
        do throws(KernelError) {
            let file = try folder.open(key.fileName, [.readOnly, .noFollow, .nonBlocking])
            return FilterCacheEntry.decode(try file.readAll(limit: FilterCacheEntry.bytesMax), key: key.bytes)
        } catch {
            if error.errno == Errno.noEntry { return nil }
            throw error
        }
    }

    private func keep(
        _ filter: CompiledFilter, _ key: FilterCacheKey, in folder: OwnedDescriptor
    ) throws(KernelError) {
        let bytes = FilterCacheEntry.encode(filter, key: key.bytes)
        if bytes.count > FilterCacheEntry.bytesMax { return }
        let entries = try folder.entries()
        if entries.count >= Self.entriesMax { for entry in entries { try remove(entry.name, from: folder) } }
        let temporary = RawPath(".\(HostFacts.processID()).\(KernelRandom.number())")
        let file = try folder.open(temporary, [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600)
        do throws(KernelError) {
            try file.write(bytes)
            try folder.rename(temporary, to: key.fileName)
        } catch {
            try remove(temporary, from: folder)
            throw error
        }
    }

    /// Another process may have removed it first.
    private func remove(_ name: RawPath, from folder: OwnedDescriptor) throws(KernelError) {
        do throws(KernelError) { try folder.unlink(name) } catch { if error.errno != Errno.noEntry { throw error } }
    }
}

/// What an entry is valid for: the request, this very program, because the tables are in it, and this libseccomp,
/// because the numbers are in that.
private struct FilterCacheKey {
    let bytes: [UInt8]

    init(_ request: FilterRequest) throws(KernelError) {
        let program = try OwnedDescriptor.open("/proc/self/exe", .path).status()
        let library = seccomp_version().map { "\($0.pointee.major).\($0.pointee.minor).\($0.pointee.micro)" } ?? ""
        let facts = [
            "\(program.device) \(program.inode) \(program.size)",
            "\(program.modifiedSeconds).\(program.modifiedNanoseconds)", library, FilterArchitecture.native.rawValue,
            String(request.capabilities.rawValue, radix: 16), request.kernel.description,
            request.emulated.isEmpty ? "" : request.emulated.map(\.rawValue).sorted().joined(separator: ","),
        ]
        var text: [UInt8] = []
        for fact in facts { text += Array(fact.utf8) + [UInt8(ascii: "\n")] }
        switch request.source {
        case .standard: text += Array("standard".utf8)
        case .strict: text += Array("strict".utf8)
        case .unconfined: text += Array("unconfined".utf8)
        case .initProcess: text += Array("init".utf8)
        case .unpacker: text += Array("unpacker".utf8)
        case .profile(let name, let json): text += Array("profile ".utf8) + Array(name.utf8) + [0] + json
        }
        bytes = text
    }

    var fileName: RawPath { RawPath(String(FilterCacheEntry.checksum(bytes), radix: 16)) }
}

extension FilterRequest {
    fileprivate func compiled(notKept error: KernelError) throws(Failure) -> CompiledFilter {
        try compiled().noting(error)
    }
}

extension CompiledFilter {
    fileprivate func noting(_ error: KernelError) -> CompiledFilter {
        var copy = self
        copy.notes.append("the compiled filter could not be kept: \(error)")
        return copy
    }
}
