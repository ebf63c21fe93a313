import Diagnostics
import ImageStorage
import LinuxKernel
import OCIFormat

/// Which images are shown where on this host: a file for each mount, holding its path and named like the lease that
/// keeps the image in the store. A start of the host ends mounts and files together.
struct ImageMounts {
    private static let prefix = "mount-"
    /// Of the names given here: it says in which state directory the file is, for several may share the store.
    private let prefix: String
    private let notes: String
    private let places: String

    init(_ global: GlobalOptions) {
        prefix = Self.prefix + Digest(of: global.places.volatile.utf8).short + "-"
        notes = global.places.volatile + "/mounts"
        places = global.places.volatile + "/images"
    }

    /// Where an image is shown when nobody named a directory. The directory is made.
    func place(of image: StoredImage) throws(Failure) -> String {
        let path = "\(places)/\(image.summary.id.hex.prefix(12))"
        try failing(path) { () throws(KernelError) in try Directories.makeAll(path, mode: 0o700) }
        return path
    }

    /// Writes down that something will be mounted at `path`, and gives the name for its lease.
    func note(_ path: String) throws(Failure) -> String {
        let name = prefix + String(KernelRandom.number(), radix: 16)
        try failing(path) { () throws(KernelError) in
            try Directories.makeAll(notes, mode: 0o700)
            try OwnedDescriptor.open(RawPath("\(notes)/\(name)"), [.writeOnly, .create, .exclusive], mode: 0o600)
                .write(path)
        }
        return name
    }

    /// Ends the leases of what was mounted at `path`, and removes the directory if it is one of ours.
    func forget(_ path: String, in store: ImageStore) throws(Failure) {
        for (name, noted) in try all() where noted == path {
            try store.release(container: name)
            try failing(path) { () throws(KernelError) in
                try OwnedDescriptor.open(RawPath(notes), [.directory]).unlink(RawPath(name))
            }
        }
        if path.begins(with: places + "/") {
            try failing(path) { () throws(KernelError) in try Directories.removeEmpty(path) }
        }
    }

    /// Whether a lease is that of a mount written down in another state directory. Older names do not say which.
    func isElsewhere(_ holder: String) -> Bool {
        holder.begins(with: Self.prefix) && holder.dropFirst(Self.prefix.count).has("-") && !holder.begins(with: prefix)
    }

    /// Names of the leases whose mounts are there.
    func holders() throws(Failure) -> Set<String> {
        var holders: Set<String> = []
        for (name, path) in try all() where try isMounted(path) { holders.insert(name) }
        return holders
    }

    /// Whether a mount is at `path`: the fifth field of proc_pid_mountinfo(5), where spaces and their like are octal.
    func isMounted(_ path: String) throws(Failure) -> Bool {
        var shown: [UInt8] = []
        for byte in path.utf8 {
            let digits = String(byte, radix: 8)
            let isEscaped = [0x20, 0x09, 0x0a, 0x5c].contains(byte)
            shown += isEscaped ? Array(("\\" + String(repeating: "0", count: 3 - digits.count) + digits).utf8) : [byte]
        }
        let place = String(decoding: shown, as: UTF8.self)[...]
        return try failing(path) { () throws(KernelError) in
            let mounts = try TextFile.read("/proc/self/mountinfo", limit: 16 << 20)
            return mounts.cut(at: "\n").contains { $0.cut(at: " ").dropFirst(4).first == place }
        }
    }

    private func all() throws(Failure) -> [(name: String, path: String)] {
        try failing(notes) { () throws(KernelError) in
            guard HostFacts.exists(notes) else { return [] }
            var result: [(String, String)] = []
            for entry in try OwnedDescriptor.open(RawPath(notes), [.directory]).entries() {
                result.append((entry.name.description, try TextFile.read("\(notes)/\(entry.name)", limit: 8_192)))
            }
            return result
        }
    }

    private func failing<Value>(
        _ path: String, _ body: () throws(KernelError) -> Value
    ) throws(Failure) -> Value {
        do throws(KernelError) { return try body() } catch {
            throw error.failure("image.cannot-mount", doing: "look after the mount at", on: path)
        }
    }
}
