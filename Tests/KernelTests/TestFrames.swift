import Glibc
import LinuxKernel
import Netlink
import NetworkFormat
import Testing

/// Sends and sees whole frames of one interface, packet(7): what a container with CAP_NET_RAW may do, and more.
struct FrameSocket: Sendable {
    static let everyProtocol: UInt16 = 0x0003
    private static let frameBytesMax = 65_536
    private let descriptor: OwnedDescriptor

    /// `kind`: of one protocol only, as a program that speaks it would. No name: on every interface.
    init(in place: NetworkNamespace, on name: String?, kind type: UInt16 = FrameSocket.everyProtocol) throws {
        let link = try name.map { try #require(try NetlinkSocket(in: place).link(named: $0)).index } ?? 0
        descriptor = try place.inside { () throws(KernelError) in
            let kind = Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
            let number = socket(AF_PACKET, kind, Int32(type.bigEndian))
            guard number >= 0 else { throw KernelError(call: "socket(AF_PACKET)", on: name, errno: errno) }
            let socket = OwnedDescriptor(owning: number)
            // struct sockaddr_ll
            var address = withUnsafeBytes(of: sa_family_t(AF_PACKET)) { Array($0) }
            address += withUnsafeBytes(of: type.bigEndian) { Array($0) }
            address += withUnsafeBytes(of: link) { Array($0) } + [UInt8](repeating: 0, count: 12)
            let result = address.withUnsafeBytes { raw in
                raw.withMemoryRebound(to: sockaddr.self) { bind(number, $0.baseAddress, socklen_t(raw.count)) }
            }
            guard result == 0 else { throw KernelError(call: "bind(AF_PACKET)", on: name, errno: errno) }
            return socket
        }
    }

    func send(_ frame: [UInt8]) throws {
        let count = Glibc.send(descriptor.number, frame, frame.count, 0)
        guard count == frame.count else { throw KernelError(call: "send a frame", errno: errno) }
    }

    /// Every frame that comes until `isLast` says so of one. Fails the test when none does in time.
    func frames(until isLast: ([UInt8]) -> Bool) throws -> [[UInt8]] {
        var result: [[UInt8]] = []
        var buffer = [UInt8](repeating: 0, count: Self.frameBytesMax)
        while try descriptor.waitReadable(milliseconds: 60_000) {
            let count = recv(descriptor.number, &buffer, buffer.count, 0)
            guard count > 0 else { continue }
            result.append(Array(buffer[..<count]))
            if isLast(Array(buffer[..<count])) { return result }
        }
        Issue.record("the frame that was waited for did not come; \(result.count) others did")
        return result
    }

    /// What has come already.
    func waiting() -> [[UInt8]] {
        var result: [[UInt8]] = []
        var buffer = [UInt8](repeating: 0, count: Self.frameBytesMax)
        while true {
            let count = recv(descriptor.number, &buffer, buffer.count, 0)
            if count <= 0 { return result }
            result.append(Array(buffer[..<count]))
        }
    }
}

/// Frames and packets as bytes, with every length and sum right: nothing is refused for being malformed.
enum Frame {
    static let everybody: [UInt8] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff]
    static let allNodes: [UInt8] = [0x33, 0x33, 0, 0, 0, 1]
    static let allNodesAddress = IPAddress("ff02::1")?.bytes ?? []

    static func number(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xff)] }

    static func ethernet(to: [UInt8], from: [UInt8], _ type: UInt16, _ payload: [UInt8]) -> [UInt8] {
        to + from + number(type) + payload
    }

    /// RFC 826; `isReply` or a question.
    static func arp(isReply: Bool, from: ([UInt8], [UInt8]), to: ([UInt8], [UInt8])) -> [UInt8] {
        number(1) + number(0x0800) + [6, 4] + number(isReply ? 2 : 1) + from.0 + from.1 + to.0 + to.1
    }

    private static func sum(_ bytes: [UInt8]) -> UInt16 {
        var total: UInt32 = 0
        for index in stride(from: 0, to: bytes.count, by: 2) {
            total += UInt32(bytes[index]) << 8 | UInt32(index + 1 < bytes.count ? bytes[index + 1] : 0)
        }
        while total > 0xffff { total = total >> 16 + total & 0xffff }
        return ~UInt16(total)
    }

    /// IP of the version the addresses have.
    static func packet(from: [UInt8], to: [UInt8], _ kind: UInt8, _ payload: [UInt8], hops: UInt8 = 255) -> [UInt8] {
        let size = UInt16(payload.count)
        if from.count == 16 { return [0x60, 0, 0, 0] + number(size) + [kind, hops] + from + to + payload }
        var head = [0x45, 0] + number(size + 20) + [0, 1, 0, 0, hops, kind, 0, 0] + from + to
        let sum = number(sum(head))
        (head[10], head[11]) = (sum[0], sum[1])
        return head + payload
    }

    private static func summed(
        _ message: [UInt8], at offset: Int, _ kind: UInt8, from: [UInt8], to: [UInt8]
    ) -> [UInt8] {
        var result = message
        let length = number(UInt16(message.count))
        let pseudo = from + to + (from.count == 16 ? [0, 0] + length + [0, 0, 0, kind] : [0, kind] + length)
        let sum = number(sum(pseudo + message))
        (result[offset], result[offset + 1]) = (sum[0], sum[1])
        return result
    }

    static func datagram(from: ([UInt8], UInt16), to: ([UInt8], UInt16), _ text: String) -> [UInt8] {
        let content = Array(text.utf8)
        let message = number(from.1) + number(to.1) + number(UInt16(content.count + 8)) + [0, 0] + content
        return packet(from: from.0, to: to.0, 17, summed(message, at: 6, 17, from: from.0, to: to.0), hops: 64)
    }

    /// `extensions`: headers of version 6 in front of it, the first of the kind given.
    static func control6(
        from: [UInt8], to: [UInt8], _ body: [UInt8], extensions: (kind: UInt8, bytes: [UInt8])? = nil
    ) -> [UInt8] {
        let message = summed(body, at: 2, 58, from: from, to: to)
        return packet(from: from, to: to, extensions?.kind ?? 58, (extensions?.bytes ?? []) + message)
    }

    /// RFC 4861, 4.4: `target` is at `hardware`, override whatever is known.
    static func advertisement(of target: [UInt8], at hardware: [UInt8]) -> [UInt8] {
        [136, 0, 0, 0, 0x20, 0, 0, 0] + target + [2, 1] + hardware
    }

    /// RFC 4861, 4.2: a router for half an hour, with a prefix for addresses of one's own, 2001:db8:bad::/64.
    static func routerAdvertisement(_ hardware: [UInt8]) -> [UInt8] {
        let prefix = [3, 4, 64, 0xc0] + [UInt8](repeating: 0x7f, count: 8) + [0, 0, 0, 0]
            + (IPAddress("2001:db8:bad::")?.bytes ?? [])
        return [134, 0, 0, 0, 64, 0] + number(1_800) + [UInt8](repeating: 0, count: 8) + [1, 1] + hardware + prefix
    }
}
