import CLinux
import Glibc

/// Stream sockets within this host, unix(7).
extension OwnedDescriptor {
    /// Connected to the socket at `path`, and non-blocking. EAGAIN when its owner is behind with accepting.
    public static func connection(toSocketAt path: String) throws(KernelError) -> OwnedDescriptor {
        let socket = OwnedDescriptor(owning: try checked("socket") { bh_stream_socket(AF_UNIX) })
        try checked("connect", on: path) { bh_unix_connect(socket.number, path) }
        return socket
    }

    /// Writes what fits now, 0 when nothing does; EPIPE instead of a signal when nobody reads any more. See send(2).
    public func sendSome(_ bytes: ArraySlice<UInt8>) throws(KernelError) -> Int {
        do throws(KernelError) {
            return try checked("send") {
                bytes.withUnsafeBytes { send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            }
        } catch {
            guard error.errno == EAGAIN else { throw error }
            return 0
        }
    }

    /// The other side reads the end; it may go on writing. See shutdown(2).
    public func finishSending() throws(KernelError) {
        try checked("shutdown") { shutdown(number, Int32(SHUT_WR)) }
    }

    /// Nothing is sent or received any more: both sides read the end, also whoever waits for it already. See
    /// shutdown(2).
    public func hangUp() throws(KernelError) {
        try checked("shutdown") { shutdown(number, Int32(SHUT_RDWR)) }
    }
}

/// Sockets that keep packets apart, SOCK_SEQPACKET of unix(7), by a name in a directory however long its path is.
extension OwnedDescriptor {
    /// Listens as `name` in this directory. EADDRINUSE when the name is taken.
    public func listenForPackets(as name: String) throws(KernelError) -> OwnedDescriptor {
        let path = "\(procPath)/\(name)"
        return OwnedDescriptor(owning: try checked("bind", on: name) { bh_packet_listen(path) })
    }

    /// Connected to the socket `name` in this directory. ECONNREFUSED when nobody listens any more.
    public func connectForPackets(to name: String) throws(KernelError) -> OwnedDescriptor {
        let path = "\(procPath)/\(name)"
        return OwnedDescriptor(owning: try checked("connect", on: name) { bh_packet_connect(path) })
    }
}
