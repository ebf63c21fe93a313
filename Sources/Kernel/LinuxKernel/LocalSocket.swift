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
}
