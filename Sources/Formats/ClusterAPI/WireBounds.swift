public import Diagnostics
public import JSONFormat

/// What a body may be before anything in it is believed.
public struct WireBounds: Hashable, Sendable {
    public var bytes: Int
    public var depth: Int
    public var values: Int

    /// 16 MiB holds a call that launches thousands of tasks; the protocol itself nests less than 20 deep.
    public static let standard = WireBounds(bytes: 16 << 20, depth: 64, values: 1_000_000)

    public init(bytes: Int, depth: Int, values: Int) {
        self.bytes = bytes
        self.depth = depth
        self.values = values
    }

    /// JSON with one addition, the bare words `Infinity` and `-Infinity`, which the original's own printer writes.
    ///
    /// - Throws: `Failure` `api.body-too-large`, `-encoding`, `-syntax`, `-too-deep`, `-too-many-values` or
    ///   `-duplicate-member`, with the byte at fault.
    public func value(parsing body: [UInt8]) throws(Failure) -> WireValue {
        do throws(JSONFault) {
            return try JSONReader.read(body, limits: limits)
        } catch {
            throw refusal(error, in: body)
        }
    }

    /// The same, of which nothing has been made yet.
    func text(parsing body: [UInt8]) throws(Failure) -> JSONTape {
        do throws(JSONFault) {
            return try JSONTape(body, limits: limits)
        } catch {
            throw refusal(error, in: body)
        }
    }

    private var limits: JSONLimits {
        JSONLimits(bytes: bytes, depth: depth, values: values, allowsInfinity: true)
    }

    private func refusal(_ fault: JSONFault, in body: [UInt8]) -> Failure {
        let (code, limit): (Failure.Code, String?) =
            switch fault.kind {
            case .tooLarge: ("api.body-too-large", "body bytes \(bytes)")
            case .tooDeep: ("api.body-too-deep", "depth \(depth)")
            case .tooManyValues: ("api.body-too-many-values", "values \(values)")
            case .duplicateMember: ("api.body-duplicate-member", nil)
            case .encoding: ("api.body-encoding", nil)
            case .syntax: ("api.body-syntax", nil)
            }
        return Failure(
            code, doing: "read the body",
            cause: fault.position.map { "\(Self.place($0, in: body)) \(fault.cause)" } ?? fault.cause,
            remedy: fault.kind == .tooLarge ? "split the call" : "correct the JSON", limit: limit)
    }

    /// What a person wrote has lines, and is looked up by them.
    private static func place(_ position: Int, in body: [UInt8]) -> String {
        let line = body.prefix(position).reduce(into: 1) { $0 += $1 == UInt8(ascii: "\n") ? 1 : 0 }
        return line == 1 ? "at byte \(position)" : "in line \(line), at byte \(position),"
    }
}

extension WireValue: JSONTree {
    public static var noMembers: [String: WireValue] { [:] }

    public static func add(_ value: WireValue, as name: String, to members: inout [String: WireValue]) -> Bool {
        members.updateValue(value, forKey: name) == nil
    }
}
