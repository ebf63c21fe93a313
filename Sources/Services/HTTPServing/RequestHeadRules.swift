import NIOHTTP1

/// What a request was refused for before it became one: the status, and the reason in words.
struct FramingFault: Error, Equatable {
    let status: HTTPResponseStatus
    let cause: String

    init(_ status: HTTPResponseStatus, _ cause: String) {
        self.status = status
        self.cause = cause
    }

    init(_ cause: String) { self.init(.badRequest, cause) }
}

/// The lines of one request's header, judged one by one by RFC 9112. What two readers could understand differently is
/// refused, so that nobody before us and we can disagree on where a request ends.
struct RequestHeadRules {
    /// How the body's end is found.
    enum Framing: Equatable {
        case none
        case length(UInt64)
        case chunks
    }

    /// Others are answered 501. CONNECT is among those: nothing here is a tunnel.
    static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"]
    static let lengthDigitsMax = 18

    private let isOld: Bool
    private var hosts = 0
    private var lengths: [String] = []
    private var codings: [String] = []

    /// The request line, without its end.
    init(requestLine line: [UInt8]) throws(FramingFault) {
        let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard let method = words.first, !method.isEmpty, method.allSatisfy(RequestHeadRules.isToken) else {
            throw FramingFault("the request line does not begin with a method")
        }
        if words.count == 2, !words[1].isEmpty {
            throw FramingFault(.httpVersionNotSupported, "the request line names no version; 1.1 is spoken here")
        }
        guard words.count == 3 else {
            throw FramingFault("the request line is not a method, a target and a version with one space between them")
        }
        guard !words[1].isEmpty, words[1].allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw FramingFault("the request target has characters that are to be percent-encoded")
        }
        isOld = try RequestHeadRules.isOld(version: Array(words[2]))
        let name = String(decoding: method, as: UTF8.self)
        guard RequestHeadRules.methods.contains(name) else {
            throw FramingFault(.notImplemented, "no method of that name is known here")
        }
    }

    /// One field line, without its end. Whether the parser is to see it.
    mutating func add(_ line: [UInt8]) throws(FramingFault) -> Bool {
        let (name, value) = try RequestHeadRules.field(line)
        switch name {
        case "host":
            hosts += 1
            guard hosts == 1 else { throw FramingFault("more than one Host") }
            guard RequestHeadRules.isHost(value) else { throw FramingFault("Host is no host and port") }
        case "content-length": lengths.append(value)
        case "transfer-encoding": codings.append(value)
        // No other protocol is spoken here; the parser would wait for one.
        case "upgrade": return false
        default: break
        }
        return true
    }

    /// The header is whole.
    func framing() throws(FramingFault) -> Framing {
        guard isOld || hosts == 1 else { throw FramingFault("Host is missing") }
        guard codings.isEmpty else { return try chunks() }
        guard let text = lengths.first else { return .none }
        guard lengths.count == 1 else { throw FramingFault("more than one Content-Length") }
        guard (1...RequestHeadRules.lengthDigitsMax).contains(text.utf8.count), let length = UInt64(text),
            text.utf8.allSatisfy(RequestHeadRules.isDigit)
        else { throw FramingFault("Content-Length is no number of bytes") }
        return length == 0 ? .none : .length(length)
    }

    private func chunks() throws(FramingFault) -> Framing {
        guard lengths.isEmpty else { throw FramingFault("both Content-Length and Transfer-Encoding") }
        guard !isOld else { throw FramingFault("Transfer-Encoding in version 1.0") }
        let names = codings.flatMap { $0.cut(at: ",", omittingEmptySubsequences: false) }.map {
            String($0.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
                .lowercased()
        }
        guard names.last == "chunked", names.count(where: { $0 == "chunked" }) == 1 else {
            throw FramingFault("the last of Transfer-Encoding is not 'chunked', so the body has no end")
        }
        guard names == ["chunked"] else {
            throw FramingFault(.notImplemented, "of Transfer-Encoding only 'chunked' is known here")
        }
        return .chunks
    }

    /// A trailer's line. Nobody reads trailers; what would change the framing is no trailer.
    static func judgeTrailer(_ line: [UInt8]) throws(FramingFault) {
        let (name, _) = try field(line)
        guard !["content-length", "transfer-encoding", "host"].contains(name) else {
            throw FramingFault("\(name) in a trailer")
        }
    }

    /// Name in lower case, and value without the space around it.
    private static func field(_ line: [UInt8]) throws(FramingFault) -> (name: String, value: String) {
        if line.first == UInt8(ascii: " ") || line.first == UInt8(ascii: "\t") {
            throw FramingFault("a header line begins with a space")
        }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0, line[..<colon].allSatisfy(isToken) else {
            throw FramingFault("a header line does not begin with a name and a colon")
        }
        var value = line[(colon + 1)...]
        guard value.allSatisfy({ $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }) else {
            throw FramingFault("a header line has control characters")
        }
        while let first = value.first, first == 0x20 || first == 0x09 { value.removeFirst() }
        while let last = value.last, last == 0x20 || last == 0x09 { value.removeLast() }
        return (
            String(decoding: line[..<colon], as: UTF8.self).lowercased(), String(decoding: value, as: UTF8.self)
        )
    }

    /// Whether the version is 1.0 and not 1.1.
    private static func isOld(version: [UInt8]) throws(FramingFault) -> Bool {
        guard version.count == 8, version.starts(with: "HTTP/".utf8), isDigit(version[5]),
            version[6] == UInt8(ascii: "."), isDigit(version[7])
        else { throw FramingFault("the request line does not end with a version") }
        guard version[5] == UInt8(ascii: "1"), version[7] <= UInt8(ascii: "1") else {
            throw FramingFault(.httpVersionNotSupported, "version 1.1 of HTTP is spoken here")
        }
        return version[7] == UInt8(ascii: "0")
    }

    /// RFC 9110, 7.2: a name or an address, perhaps with a port. It may be empty.
    private static func isHost(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        if rest.first == UInt8(ascii: "[") {
            guard let end = rest.firstIndex(of: UInt8(ascii: "]")), end > 1,
                rest[1..<end].allSatisfy({ isName($0) || $0 == UInt8(ascii: ":") })
            else { return false }
            rest = rest[(end + 1)...]
        } else {
            rest = rest.drop(while: isName)
        }
        guard let colon = rest.popFirst() else { return true }
        return colon == UInt8(ascii: ":") && rest.count <= 5 && rest.allSatisfy(isDigit)
    }

    /// RFC 3986, 3.2.2, a percent sign's two digits taken for any two.
    private static func isName(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || nameMarks.contains(byte) }

    /// RFC 9110, 5.6.2.
    private static func isToken(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || tokenMarks.contains(byte) }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        default: isDigit(byte)
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static let tokenMarks = Array("!#$%&'*+-.^_`|~".utf8)
    private static let nameMarks = Array("-._~%!$&'()*+,;=".utf8)
}
