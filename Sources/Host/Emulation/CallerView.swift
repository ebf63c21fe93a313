import LinuxKernel

/// What belongs to a thread that waits in a call, opened by its number. Only after `CallListener.isWaiting` has said so
/// is any of it that thread's; then it stays so, whatever becomes of the number.
struct CallerView {
    private static let pathMax = 4_096
    private static let pageSize: UInt64 = 4_096
    private static let mapsBytesMax = 16 << 20

    private let place: String

    init(_ call: HandedCall) { place = "/proc/\(call.thread)" }

    func memory(writable: Bool = false) throws(KernelError) -> OwnedDescriptor {
        try OwnedDescriptor.open(RawPath("\(place)/mem"), writable ? [.readWrite] : [.readOnly])
    }

    func maps() throws(KernelError) -> OwnedDescriptor { try OwnedDescriptor.open(RawPath("\(place)/maps")) }
    func root() throws(KernelError) -> OwnedDescriptor {
        try OwnedDescriptor.open(RawPath("\(place)/root"), [.path, .directory])
    }

    /// Nil: the working directory. EBADF, ENOTDIR as the kernel answers.
    func directory(_ number: Int32?) throws(KernelError) -> OwnedDescriptor {
        guard let number else { return try OwnedDescriptor.open(RawPath("\(place)/cwd"), [.path, .directory]) }
        do throws(KernelError) {
            return try OwnedDescriptor.open(RawPath("\(place)/fd/\(number)"), [.path, .directory])
        } catch {
            guard error.errno == Errno.noEntry else { throw error }
            throw KernelError(call: error.call, on: error.subject, errno: Errno.badDescriptor)
        }
    }

    func facts() throws(KernelError) -> CallerFacts? { CallerFacts(status: try TextFile.read("\(place)/status")) }

    /// User and mount namespace, in the words of namespaces(7).
    static func namespaces(of process: Int32) -> [String?] {
        ["user", "mnt"].map { HostFacts.linkTarget("/proc/\(process)/ns/\($0)") }
    }

    /// The path that begins at `address`, without its NUL. EFAULT, ENAMETOOLONG as the kernel answers.
    static func path(at address: UInt64, in memory: OwnedDescriptor) throws(KernelError) -> [UInt8] {
        var path: [UInt8] = []
        while path.count < pathMax {
            let (next, overflow) = address.addingReportingOverflow(UInt64(path.count))
            // A page at a time: the one behind may not be there.
            let count = min(Int(pageSize - next % pageSize), pathMax - path.count)
            guard !overflow, let offset = Int64(exactly: next) else { throw fault }
            let bytes: [UInt8]
            do throws(KernelError) { bytes = try memory.readBytes(count, at: offset) } catch { throw fault }
            if let end = bytes.firstIndex(of: 0) { return path + bytes[..<end] }
            if bytes.count < count { throw fault }
            path += bytes
        }
        throw KernelError(call: "read the path", errno: Errno.nameTooLong)
    }

    /// Writes only what the process could have written itself: through /proc/PID/mem we could write anywhere in it.
    static func write(
        _ bytes: [UInt8], at address: UInt64, in memory: OwnedDescriptor, maps: OwnedDescriptor
    ) throws(KernelError) {
        let text = String(decoding: try maps.readAll(limit: mapsBytesMax), as: UTF8.self)
        guard MemoryMap.isWritable(address, count: UInt64(bytes.count), in: text),
            let offset = Int64(exactly: address)
        else { throw fault }
        do throws(KernelError) { try memory.write(all: bytes, at: offset) } catch { throw fault }
    }

    private static let fault = KernelError(call: "reach the caller's memory", errno: Errno.fault)
}
