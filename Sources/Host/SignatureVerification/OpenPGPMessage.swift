import CInflate
import COpenPGP
import Diagnostics
import OCIFormat
import TrustFormat

/// The compressed packet that GnuPG puts around a message, RFC 4880 5.6, taken off here: so that what is inside has a
/// bound, and what follows it is seen. librnp reads to the end of the compressed stream and never looks behind it.
enum CompressedMessage {
    /// What a message may be when it is unpacked: payload, signature and headers.
    private static let bytesMax = TrustLimits.payloadBytes * 2

    static func unpacked(_ message: [UInt8]) throws(MessageFault) -> [UInt8] {
        guard let first = message.first, first >= 0x80 else { throw MessageFault("it is no OpenPGP message") }
        let isOld = first & 0x40 == 0
        guard (isOld ? first >> 2 & 0x0f : first & 0x3f) == 8 else { return message }
        let body = try body(message, isOld: isOld, form: first & 3)
        guard let algorithm = body.first else { throw MessageFault("its compressed packet is empty") }
        switch algorithm {
        case 0: return Array(body.dropFirst())
        case 1: return try inflated(body.dropFirst(), form: UInt32(ISAL_DEFLATE))
        case 2: return try inflated(body.dropFirst(), form: UInt32(ISAL_ZLIB))
        default: throw MessageFault("it is compressed, but neither with ZIP nor with ZLIB")
        }
    }

    /// All of the message behind the packet's header, RFC 4880 4.2; the packet must be the whole message.
    private static func body(_ message: [UInt8], isOld: Bool, form: UInt8) throws(MessageFault) -> ArraySlice<UInt8> {
        let rest = message.dropFirst()
        let digits: Int
        var prefix = 0
        if isOld {
            guard form != 3 else { return rest }
            digits = [1, 2, 4][Int(form)]
        } else {
            switch rest.first ?? 0 {
            case 0...191: digits = 1
            case 192...223: (digits, prefix) = (2, 192)
            case 255: return try counted(rest.dropFirst(), digits: 4, prefix: 0)
            default: throw MessageFault("it is compressed in pieces, which nothing that signs images does")
            }
        }
        return try counted(rest, digits: digits, prefix: prefix)
    }

    private static func counted(
        _ rest: ArraySlice<UInt8>, digits: Int, prefix: Int
    ) throws(MessageFault) -> ArraySlice<UInt8> {
        guard rest.count >= digits else { throw MessageFault("it ends in the middle") }
        let number = rest.prefix(digits).reduce(0) { $0 << 8 | Int($1) }
        // Of two octets: the first less 192, the second, and 192.
        let count = prefix == 0 ? number : number - prefix << 8 + prefix
        let body = rest.dropFirst(digits)
        guard body.count >= count else { throw MessageFault("it ends in the middle") }
        guard body.count == count else { throw MessageFault("something follows the signed message") }
        return body
    }

    private static func inflated(_ input: ArraySlice<UInt8>, form: UInt32) throws(MessageFault) -> [UInt8] {
        let state = UnsafeMutablePointer<inflate_state>.allocate(capacity: 1)
        defer { state.deallocate() }
        isal_inflate_init(state)
        state.pointee.crc_flag = form
        var compressed = Array(input)
        var output = [UInt8](repeating: 0, count: bytesMax)
        let (answer, left, produced) = compressed.withUnsafeMutableBufferPointer { compressed in
            output.withUnsafeMutableBufferPointer { output in
                state.pointee.next_in = compressed.baseAddress
                state.pointee.avail_in = UInt32(compressed.count)
                state.pointee.next_out = output.baseAddress
                state.pointee.avail_out = UInt32(output.count)
                let answer = isal_inflate_stateless(state)
                return (answer, Int(state.pointee.avail_in), Int(state.pointee.total_out))
            }
        }
        if answer == ISAL_OUT_OVERFLOW { throw MessageFault("it becomes more than \(bytesMax) bytes unpacked") }
        guard answer == 0 else { throw MessageFault("its compressed packet is damaged") }
        guard left == 0 else { throw MessageFault("something follows the signed message") }
        guard produced > 0 else { throw MessageFault("its compressed packet is empty") }
        return Array(output.prefix(produced))
    }
}

/// What librnp's own listing says a message is made of: one one-pass packet, one literal packet, one signature, in that
/// order and nothing else, so that what is verified and what is read are the same.
struct MessagePackets {
    static let digests: Set<String> = ["SHA256", "SHA384", "SHA512"]
    private static let expected: [Int64] = [4, 11, 2]
    private static let names: [Int64: String] = [
        1: "session key", 2: "signature", 3: "session key", 4: "one-pass", 5: "secret key", 6: "public key",
        8: "compressed", 9: "encrypted", 10: "marker", 11: "literal", 13: "user id", 14: "public subkey",
        17: "attribute", 18: "encrypted", 19: "modification code",
    ]

    let digest: String

    init(_ message: [UInt8]) throws(MessageFault) {
        do throws(Failure) {
            let bounds = JSONBounds(bytes: 4 << 20, depth: 24, values: 65_536)
            let listing = try Self.listing(message)
            // The listing is an array; wrapped, it is read like any other document.
            let object = try bounds.object(
                parsing: Array(#"{"packets":"#.utf8) + listing + Array("}".utf8), as: "librnp's listing")
            let packets = try object.objects("packets", entries: 256) ?? []
            var tags: [Int64] = []
            for packet in packets { tags.append(try packet.object("header")?.integer("tag") ?? 0) }
            guard tags == Self.expected else { throw MessageFault(Self.misfit(tags)).failure }
            let size = try packets[1].integer("datalen") ?? 0
            guard size <= TrustLimits.messagePayloadBytes else {
                throw MessageFault(
                    "it holds \(size) bytes, and \(TrustLimits.messagePayloadBytes) are accepted").failure
            }
            digest = try Self.check(onePass: packets[0], signature: packets[2])
        } catch {
            throw MessageFault(error.cause ?? error.description)
        }
    }

    private static func check(onePass: JSONObject, signature: JSONObject) throws(Failure) -> String {
        guard try signature.integer("version") == 4, try onePass.integer("version") == 3 else {
            throw MessageFault("its signature is not of version 4").failure
        }
        guard try signature.integer("type") == 0, try onePass.integer("type") == 0 else {
            throw MessageFault("its signature is not one of a binary document").failure
        }
        let digest = try signature.string("hash algorithm.str", bytes: 64) ?? "a digest nobody names"
        guard digests.contains(digest) else {
            throw MessageFault("it is signed with \(digest), not with SHA-256, SHA-384 or SHA-512").failure
        }
        return digest
    }

    private static func misfit(_ tags: [Int64]) -> String {
        if tags.starts(with: expected) { return "something follows the signed message" }
        let shown = tags.prefix(8).map { names[$0] ?? "packet \($0)" }.joined(separator: ", ")
        if !tags.contains(2) { return "it is not signed (it holds: \(shown))" }
        return "it is not one message with one signature (it holds: \(shown))"
    }

    private static func listing(_ message: [UInt8]) throws(Failure) -> [UInt8] {
        let input: LibraryInput
        do throws(MessageFault) { input = try LibraryInput(message) } catch { throw error.failure }
        var text: UnsafeMutablePointer<CChar>?
        let result = rnp_dump_packets_to_json(input.handle, 0, &text)
        guard result == 0, let text else {
            throw MessageFault("its packets are damaged (\(OpenPGPVerifier.meaning(of: result)))").failure
        }
        defer { rnp_buffer_destroy(text) }
        return Array(String(cString: text).utf8)
    }
}

extension MessageFault {
    fileprivate var failure: Failure { Failure("image.signature-invalid", doing: "read the signature", cause: cause) }
}
