import Glibc
public import LinuxKernel
import NetworkFormat

/// A socket of unix(7) with the one it is connected with, sock_diag(7).
public struct LocalSocket: Equatable, Sendable {
    /// As in `socket:[N]` of /proc/PID/fd.
    public var inode: UInt32
    /// Nil: connected with none. It may be of another network namespace.
    public var peer: UInt32?
    /// What it is bound to; an abstract name begins with `@`.
    public var name: String?

    /// NETLINK_SOCK_DIAG, linux/netlink.h.
    private static let diagnosis: Int32 = 4
    private static let showName: UInt32 = 1
    private static let showPeer: UInt32 = 4
    private static let nameAttribute: UInt16 = 0
    private static let peerAttribute: UInt16 = 2
    /// struct unix_diag_msg, linux/unix_diag.h.
    private static let fixedBytes = 16

    /// All of a network namespace. ENOENT: this kernel has no unix_diag.
    public static func all(in namespace: NetworkNamespace) throws(KernelError) -> [LocalSocket] {
        let socket = try namespace.inside { () throws(KernelError) in try NetlinkSocket(family: diagnosis) }
        // struct unix_diag_req: family, protocol, padding; states; inode; what to show; cookie.
        var request = NetlinkMessage(type: MessageType.diagnoseFamily, flags: RequestFlags.dump)
        request.append(UInt8(AF_UNIX))
        request.append(UInt8(0))
        request.append(UInt16(0))
        for word in [UInt32.max, 0, showName | showPeer, 0, 0] { request.append(word) }
        return try socket.request(request, "SOCK_DIAG_BY_FAMILY").filter { $0.body.count >= fixedBytes }.map { answer in
            let attributes = answer.attributes(skipping: fixedBytes)
            let name = attributes[nameAttribute].map { bytes in
                bytes.first == 0 ? "@" + String(decoding: bytes.dropFirst(), as: UTF8.self) : bytes.text
            }
            return LocalSocket(
                inode: answer.body.number(at: 4), peer: attributes[peerAttribute]?.number(at: 0), name: name)
        }
    }
}
