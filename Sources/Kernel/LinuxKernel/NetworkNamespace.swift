import CLinux
import Glibc

/// Sockets made inside another process's network namespace, network_namespaces(7): a socket belongs to the namespace
/// its maker was in, whoever uses it afterwards.
public struct NetworkNamespace: Sendable {
    /// CLONE_NEWNET
    private static let networkFlag = 0x4000_0000
    private let descriptor: OwnedDescriptor

    /// That of a process: ESRCH or ENOENT when it is gone.
    public init(of process: ProcessHandle) throws(KernelError) {
        descriptor = try OwnedDescriptor.open(RawPath("/proc/\(process.id)/ns/net"))
        guard try !process.hasEnded() else {
            throw KernelError(call: "enter the network of", on: "process \(process.id)", errno: ESRCH)
        }
    }

    /// One that is open already, or the calling thread's own.
    public init(_ descriptor: OwnedDescriptor) { self.descriptor = descriptor }

    public static func current() throws(KernelError) -> NetworkNamespace {
        NetworkNamespace(try OwnedDescriptor.open("/proc/thread-self/ns/net"))
    }

    /// The open file, for calls that name a namespace so.
    public var number: Int32 { descriptor.number }

    /// What tells it from every other one there is now: its inode.
    public func identity() throws(KernelError) -> UInt64 { try descriptor.status().inode }

    /// A stream socket listening on `address`, which is numeric. See bind(2), listen(2).
    public func listen(address: String = "127.0.0.1", port: UInt16, backlog: Int32 = 128) throws(KernelError)
        -> OwnedDescriptor
    {
        try inside { () throws(KernelError) in
            let socket = try Self.socket(address)
            try checked("bind", on: "\(address):\(port)") { bh_bind(socket.number, address, port) }
            try checked("listen", on: "\(address):\(port)") { Glibc.listen(socket.number, backlog) }
            return socket
        }
    }

    /// A connected stream socket. ETIMEDOUT when nobody answers in time. See connect(2).
    /// `source`: the address of this network it comes from; nil: the kernel chooses.
    public func connect(
        address: String, port: UInt16, milliseconds: Int32, source: String? = nil
    ) throws(KernelError) -> OwnedDescriptor {
        let pending = try beginConnecting(address: address, port: port, source: source)
        var entry = pollfd(fd: pending.socket.number, events: Int16(POLLOUT), revents: 0)
        let ready = try checked("poll", on: pending.place) { poll(&entry, 1, milliseconds) }
        guard ready > 0 else { throw pending.unanswered }
        return try pending.made()
    }

    /// The beginning of `connect`, which waits for nobody: for those who wait without a thread.
    public func beginConnecting(
        address: String, port: UInt16, source: String? = nil
    ) throws(KernelError) -> PendingConnection {
        let socket = try inside { () throws(KernelError) in
            let socket = try Self.socket(address)
            if let source { try checked("bind", on: source) { bh_bind(socket.number, source, 0) } }
            return socket
        }
        let pending = PendingConnection(socket: socket, place: "\(address):\(port)")
        do throws(KernelError) {
            try checked("connect", on: pending.place) { bh_connect(socket.number, address, port) }
        } catch {
            guard error.errno == EINPROGRESS else { throw error }
        }
        return pending
    }

    /// Non-blocking: the network decides how long anything takes.
    private static func socket(_ address: String) throws(KernelError) -> OwnedDescriptor {
        let family = address.has(":") ? AF_INET6 : AF_INET
        return OwnedDescriptor(owning: try checked("socket") { bh_stream_socket(family) })
    }

    /// On a thread that ends afterwards: it must not do anything else in a network that is not ours.
    public func inside<Value: Sendable>(
        _ body: @escaping @Sendable () throws(KernelError) -> Value
    ) throws(KernelError) -> Value {
        let outcome = Monitor<Result<Value, KernelError>?>(nil)
        let thread = try WorkerThread { [descriptor] in
            let result: Result<Value, KernelError>
            do throws(KernelError) {
                try checked("setns", on: "a container's network") {
                    bh_setns(descriptor.number, Int32(Self.networkFlag))
                }
                result = .success(try body())
            } catch {
                result = .failure(error)
            }
            outcome.withLock { $0 = result }
        }
        thread.join()
        return try outcome.waitFor { $0 }.get()
    }
}

/// A connection that has been asked for. See connect(2), EINPROGRESS.
public struct PendingConnection: Sendable {
    /// Can be written to as soon as it is made, or known not to be.
    public let socket: OwnedDescriptor
    let place: String

    /// The socket, connected, once it can be written to. ECONNREFUSED and the like when nobody is there.
    public func made() throws(KernelError) -> OwnedDescriptor {
        let problem = try checked("getsockopt", on: place) { bh_socket_error(socket.number) }
        guard problem == 0 else { throw KernelError(call: "connect", on: place, errno: problem) }
        return socket
    }

    /// What is said of one that was waited for long enough.
    public var unanswered: KernelError { KernelError(call: "connect", on: place, errno: ETIMEDOUT) }
}

extension OwnedDescriptor {
    /// A copy whose number is the caller's to close, for those who keep plain numbers.
    public func givenAway() throws(KernelError) -> Int32 {
        try checked("fcntl(F_DUPFD_CLOEXEC)") { fcntl(number, F_DUPFD_CLOEXEC, 3) }
    }
}

extension OwnedDescriptor {
    /// The next connection of this listening socket. See accept4(2).
    public func accept() throws(KernelError) -> OwnedDescriptor {
        OwnedDescriptor(owning: try checked("accept") { bh_accept(number) })
    }
}
