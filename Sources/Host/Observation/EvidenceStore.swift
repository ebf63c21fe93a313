public import AuditFormat
public import Auditing
public import Diagnostics
import LinuxKernel

/// The key of this host's evidence and where its chain of bundles has come to: `key` and `evidence-head` in the
/// audit's directory.
public struct EvidenceStore: Sendable {
    private static let keyName: RawPath = "key"
    private static let headName: RawPath = "evidence-head"
    public let directory: String

    public init(directory: String) { self.directory = directory }

    private func folder() throws(KernelError) -> OwnedDescriptor {
        try Directories.makeAll(directory, mode: 0o700)
        return try OwnedDescriptor.open(RawPath(directory), [.directory])
    }

    /// The host's key, made when there is none. Refused when others could have read it.
    public func key() throws(Failure) -> SigningKey {
        let bytes: [UInt8]
        do throws(KernelError) { bytes = try keyBytes() } catch {
            throw error.failure("audit.no-key", doing: "read or make the audit's key in", on: directory)
        }
        return try SigningKey(bytes: bytes)
    }

    private func keyBytes() throws(KernelError) -> [UInt8] {
        let folder = try folder()
        _ = try folder.lock(exclusive: true, wait: true)
        defer { withExtendedLifetime(folder) {} }
        if let bytes = try read(Self.keyName, folder) { return bytes }
        let key = SigningKey()
        try replace(Self.keyName, key.bytes, folder)
        return key.bytes
    }

    private func read(_ name: RawPath, _ folder: OwnedDescriptor) throws(KernelError) -> [UInt8]? {
        do throws(KernelError) {
            let file = try folder.open(name, [.readOnly, .noFollow])
            let status = try file.status()
            guard status.mode & 0o077 == 0, status.uid == HostFacts.effectiveUser() else {
                throw KernelError(
                    call: "open: others could read or exchange it", on: name.description, errno: Errno.accessDenied)
            }
            return try file.readAll(limit: 4_096)
        } catch {
            if error.errno == Errno.noEntry { return nil }
            throw error
        }
    }

    private func replace(_ name: RawPath, _ bytes: [UInt8], _ folder: OwnedDescriptor) throws(KernelError) {
        let temporary = RawPath(name.description + ".new")
        let file = try folder.open(temporary, [.writeOnly, .create, .truncate, .noFollow], mode: 0o600)
        try file.write(bytes)
        try file.synchronize()
        try folder.rename(temporary, to: name)
        try folder.synchronize()
    }

    /// Seals `files` as the next bundle of this host, hands it to `write`, and moves the chain on once that returned.
    public func seal(
        _ files: [(name: String, content: [UInt8])], host: AuditReport.Host, time: Int64,
        write: ([UInt8]) throws(Failure) -> Void
    ) throws(Failure) -> (sequence: Int64, hash: String) {
        let key = try key()
        do {
            let folder = try folder()
            _ = try folder.lock(exclusive: true, wait: true)
            defer { withExtendedLifetime(folder) {} }
            let head = String(decoding: try read(Self.headName, folder) ?? [], as: UTF8.self)
            let words = head.split(whereSeparator: \.isWhitespace).map(String.init)
            let last = words.count == 2 ? Int64(words[0]) ?? 0 : 0
            let bundle = EvidenceBundle(
                files: files, host: host, time: time, sequence: last + 1, previous: last > 0 ? words[1] : nil)
            let sealed = try bundle.sealed(with: key)
            try write(sealed.archive)
            try replace(Self.headName, Array("\(last + 1) \(sealed.hash)\n".utf8), folder)
            return (last + 1, sealed.hash)
        } catch let error as KernelError {
            throw error.failure("audit.unwritable", doing: "keep the chain of evidence in", on: directory)
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure("audit.unwritable", doing: "seal the evidence", cause: "\(error)")
        }
    }
}

/// What /proc said, as it said it: what a bundle keeps beside facts and findings.
public enum RawCapture {
    private static let names = ["status", "mountinfo", "uid_map", "gid_map", "cgroup", "limits", "oom_score_adj"]
    /// Of one container; the facts have all of them.
    private static let processesMax = 64

    /// Files that could not be read are left out: their facts say why. No environment and no command lines.
    public static func files(of facts: ContainerFacts) -> [(name: String, content: [UInt8])] {
        let processes = (facts.processes.value ?? []).prefix(processesMax).map(\.id)
        return processes.flatMap { process in
            names.compactMap { name -> (name: String, content: [UInt8])? in
                do throws(KernelError) {
                    let file = try OwnedDescriptor.open(RawPath("/proc/\(process)/\(name)"))
                    return ("raw/\(process)/\(name)", try file.readAll(limit: 16 << 20))
                } catch { return nil }
            }
        }
    }
}
