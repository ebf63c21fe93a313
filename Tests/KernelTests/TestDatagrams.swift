import Glibc
import LinuxKernel
import NetworkFormat
import Testing

/// Sockets of UDP in the namespaces of a test, and whether what one sends comes back from another.
struct TestDatagrams: Sendable {
    private static let datagramBytesMax = 65_536
    /// Patience with what must come, and with what must not: a refusal is told at once, a drop is silence.
    private static let arrivingMilliseconds: Int32 = 60_000
    private static let silentMilliseconds: Int32 = 250
    let descriptor: OwnedDescriptor

    /// A bound socket; one of `::` hears both versions.
    init(in place: NetworkNamespace, address: String = "::", port: UInt16) throws(KernelError) {
        descriptor = try place.inside { () throws(KernelError) in
            let socket = try Self.open(address)
            try Self.checked("bind", address, Self.place(address, port)) { bind(socket.number, $0, $1) }
            return socket
        }
    }

    /// One that sends to `address` only, and hears from there only. Its own port is `source`, or any.
    init(
        in place: NetworkNamespace, to address: String, _ port: UInt16, from source: UInt16 = 0
    ) throws(KernelError) {
        descriptor = try place.inside { () throws(KernelError) in
            let socket = try Self.open(address)
            if source != 0 {
                let own = Self.place(address.contains(":") ? "::" : "0.0.0.0", source)
                try Self.checked("bind", address, own) { bind(socket.number, $0, $1) }
            }
            try Self.checked("connect", address, Self.place(address, port)) { connect(socket.number, $0, $1) }
            return socket
        }
    }

    private static func open(_ address: String) throws(KernelError) -> OwnedDescriptor {
        let kind = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let number = socket(address.contains(":") ? AF_INET6 : AF_INET, kind, 0)
        guard number >= 0 else { throw KernelError(call: "socket", on: address, errno: errno) }
        return OwnedDescriptor(owning: number)
    }

    /// struct sockaddr_in or sockaddr_in6.
    private static func place(_ address: String, _ port: UInt16) -> [UInt8] {
        let number = [UInt8(port >> 8), UInt8(port & 0xff)]
        let bytes = IPAddress(address)?.bytes ?? []
        let isFour = bytes.count == 4
        let family = withUnsafeBytes(of: sa_family_t(isFour ? AF_INET : AF_INET6)) { Array($0) }
        let zero: [UInt8] = [0, 0, 0, 0]
        return family + number + (isFour ? bytes + zero + zero : zero + bytes + zero)
    }

    private static func checked(
        _ call: String, _ address: String, _ bytes: [UInt8], _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(KernelError) {
        let result = bytes.withUnsafeBytes { raw in
            raw.withMemoryRebound(to: sockaddr.self) { $0.baseAddress.map { body($0, socklen_t(raw.count)) } ?? -1 }
        }
        guard result == 0 else { throw KernelError(call: call, on: address, errno: errno) }
    }

    /// What is waiting, and from where. Nil: nothing, or a refusal of what was sent.
    func receive() -> (text: String, from: [UInt8])? {
        var buffer = [UInt8](repeating: 0, count: Self.datagramBytesMax)
        var sender = [UInt8](repeating: 0, count: 128)
        var size = socklen_t(sender.count)
        let count = sender.withUnsafeMutableBytes { raw in
            raw.withMemoryRebound(to: sockaddr.self) {
                recvfrom(descriptor.number, &buffer, buffer.count, 0, $0.baseAddress, &size)
            }
        }
        guard count >= 0 else { return nil }
        return (String(decoding: buffer[..<count], as: UTF8.self), Array(sender[..<Int(size)]))
    }

    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool { Glibc.send(descriptor.number, bytes, bytes.count, 0) == bytes.count }

    private func answer(_ text: String, to sender: [UInt8]) {
        let bytes = Array(text.utf8)
        sender.withUnsafeBytes { raw in
            raw.withMemoryRebound(to: sockaddr.self) {
                _ = sendto(descriptor.number, bytes, bytes.count, 0, $0.baseAddress, socklen_t(raw.count))
            }
        }
    }

    /// Whether there is something to read in time: a datagram, or a refusal.
    static func wait(_ sockets: [TestDatagrams], milliseconds: Int32) -> [TestDatagrams] {
        var entries = sockets.map { pollfd(fd: $0.descriptor.number, events: Int16(POLLIN), revents: 0) }
        guard poll(&entries, nfds_t(entries.count), milliseconds) > 0 else { return [] }
        return zip(sockets, entries).filter { $1.revents != 0 }.map(\.0)
    }

    /// Whether a datagram from `place` to `address` is answered by one of `servers`. `expected` is how long to wait for
    /// it, not what comes of it.
    static func reach(
        from place: NetworkNamespace, to address: String, _ port: UInt16, _ servers: [TestDatagrams],
        expected: Bool
    ) throws -> Bool {
        let client: TestDatagrams
        do throws(KernelError) { client = try TestDatagrams(in: place, to: address, port) } catch {
            #expect([101, 113, Errno.accessDenied].contains(error.errno), "\(error)")
            return false
        }
        return client.exchange("\(KernelRandom.number())", servers, expected: expected)
    }

    /// Sends `text`, has the servers answer it, and says whether the answer came.
    func exchange(_ text: String, _ servers: [TestDatagrams], expected: Bool) -> Bool {
        guard send(text) else { return false }
        while true {
            let ready = Self.wait(
                servers + [self], milliseconds: expected ? Self.arrivingMilliseconds : Self.silentMilliseconds)
            if ready.isEmpty { return false }
            for socket in ready {
                let isOwn = socket.descriptor.number == descriptor.number
                guard let (said, sender) = socket.receive() else {
                    if isOwn { return false }
                    continue
                }
                if isOwn { return said == text }
                socket.answer(said, to: sender)
            }
        }
    }
}
