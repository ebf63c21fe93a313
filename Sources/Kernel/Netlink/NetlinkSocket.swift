import Glibc
public import LinuxKernel
public import NetworkFormat

/// A socket of the routing family, rtnetlink(7): links, addresses, routes of the network namespace it was made in,
/// whoever uses it afterwards. One request at a time.
public struct NetlinkSocket: Sendable {
    /// One datagram of the kernel's, and all of one answer; the kernel itself sends at most 32 KiB at a time.
    private static let datagramBytesMax = 65_536
    private static let answerBytesMax = 32 << 20
    private static let answerMillisecondsMax: Int32 = 10_000
    /// netlink(7), linux/netlink.h
    private static let extendedAcknowledgements: Int32 = 11
    private static let cappedAcknowledgements: Int32 = 10
    private static let strictChecking: Int32 = 12
    private static let optionLevel: Int32 = 270

    /// NETLINK_ROUTE
    private static let routes: Int32 = 0

    private let descriptor: OwnedDescriptor

    /// In the namespace of the calling thread.
    public init() throws(KernelError) { try self.init(family: Self.routes) }

    init(family: Int32) throws(KernelError) {
        let kind = Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        descriptor = OwnedDescriptor(owning: try checking("socket(AF_NETLINK)") { socket(AF_NETLINK, kind, family) })
        for option in [Self.extendedAcknowledgements, Self.cappedAcknowledgements, Self.strictChecking] {
            var on: Int32 = 1
            try checking("setsockopt(SOL_NETLINK, \(option))") {
                setsockopt(descriptor.number, Self.optionLevel, option, &on, 4)
            }
        }
    }

    /// In another namespace.
    public init(in namespace: NetworkNamespace) throws(KernelError) {
        self = try namespace.inside { () throws(KernelError) in try NetlinkSocket() }
    }

    /// Sends one request and gives what came before its acknowledgement, or before the end of a dump.
    ///
    /// - Throws: the errno of the acknowledgement, with the kernel's own words where it has some.
    @discardableResult
    public func request(
        _ message: NetlinkMessage, _ name: String, on subject: String? = nil
    ) throws(KernelError) -> [NetlinkAnswer] {
        var result: [NetlinkAnswer] = []
        try request(message, name, on: subject, bytesMax: Self.answerBytesMax) { result.append($0) }
        return result
    }

    /// The same for what need not be kept: each message is given to `take` as it comes.
    func request(
        _ message: NetlinkMessage, _ name: String, on subject: String?, bytesMax: Int,
        _ take: (NetlinkAnswer) -> Void
    ) throws(KernelError) {
        // A new number for each request of this process: a late answer to another one is never taken for this one's.
        let sequence = UInt32(truncatingIfNeeded: sequenceNumbers.withLock { number in
            number += 1
            return number
        })
        let bytes = message.finished(sequence: sequence)
        try checking(name, on: subject) { send(descriptor.number, bytes, bytes.count, 0) }
        var total = 0
        while true {
            let datagram = try receive(name, subject)
            total += datagram.count
            guard total <= bytesMax, let answers = NetlinkAnswer.read(datagram) else {
                throw KernelError(call: "\(name): an answer that does not fit", on: subject, errno: EMSGSIZE)
            }
            for answer in answers where answer.sequence == sequence {
                if answer.type == MessageType.done { return }
                guard answer.type == MessageType.error else {
                    take(answer)
                    continue
                }
                let number = -answer.body.number(Int32.self, at: 0)
                if number == 0 { return }
                throw KernelError(call: name + Self.words(answer), on: subject, errno: number)
            }
        }
    }

    private func receive(_ name: String, _ subject: String?) throws(KernelError) -> [UInt8] {
        guard try descriptor.waitReadable(milliseconds: Self.answerMillisecondsMax) else {
            throw KernelError(call: name, on: subject, errno: ETIMEDOUT)
        }
        var buffer = [UInt8](repeating: 0, count: Self.datagramBytesMax)
        let count = try checking(name, on: subject) {
            recv(descriptor.number, &buffer, buffer.count, Int32(MSG_TRUNC))
        }
        guard count <= buffer.count else {
            throw KernelError(call: "\(name): a datagram of \(count) bytes", on: subject, errno: EMSGSIZE)
        }
        return Array(buffer[..<count])
    }

    /// NLMSGERR_ATTR_MSG after the error and the header of what was asked.
    private static func words(_ answer: NetlinkAnswer) -> String {
        guard let text = answer.attributes(skipping: 4 + NetlinkMessage.headerBytes)[1]?.text, !text.isEmpty else {
            return ""
        }
        return " (\(text))"
    }
}

private let sequenceNumbers = Monitor<UInt64>(0)

/// As `checked` of LinuxKernel, which is that module's own.
@discardableResult
func checking<Result: FixedWidthInteger & SignedInteger>(
    _ call: @autoclosure () -> String, on subject: @autoclosure () -> String? = nil, _ body: () -> Result
) throws(KernelError) -> Result {
    while true {
        let result = body()
        if result >= 0 { return result }
        let number = errno
        if number != EINTR { throw KernelError(call: call(), on: subject(), errno: number) }
    }
}

/// Kinds of messages, linux/netlink.h and linux/rtnetlink.h.
enum MessageType {
    static let error: UInt16 = 2
    static let done: UInt16 = 3
    static let newLink: UInt16 = 16
    static let deleteLink: UInt16 = 17
    static let getLink: UInt16 = 18
    static let setLink: UInt16 = 19
    static let newAddress: UInt16 = 20
    static let getAddress: UInt16 = 22
    static let newRoute: UInt16 = 24
    static let getRoute: UInt16 = 26
    static let newNeighbour: UInt16 = 28
    static let deleteNeighbour: UInt16 = 29
    static let getNeighbour: UInt16 = 30
    static let newQueue: UInt16 = 36
    /// SOCK_DIAG_BY_FAMILY, linux/sock_diag.h.
    static let diagnoseFamily: UInt16 = 20
    /// IPCTNL_MSG_CT_* of NFNL_SUBSYS_CTNETLINK, linux/netfilter/nfnetlink_conntrack.h.
    static let getFlow: UInt16 = 0x101
    static let deleteFlow: UInt16 = 0x102
    static let countFlows: UInt16 = 0x105
}

/// What a request asks for, linux/netlink.h.
enum RequestFlags {
    static let plain: UInt16 = 0x01 | 0x04
    static let create: UInt16 = plain | 0x400 | 0x200
    static let replace: UInt16 = plain | 0x400 | 0x100
    static let dump: UInt16 = 0x01 | 0x300
    /// One object, answered by itself: no acknowledgement follows it unless asked for.
    static let get: UInt16 = 0x01 | 0x04
}
