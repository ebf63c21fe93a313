/// The JSON of a profile, field by field, before anything is judged. Docker's format and the `linux.seccomp` object of
/// the OCI runtime specification are both subsets of it. A key that is not listed is refused: a misspelt `args` would
/// otherwise turn a rule about some arguments into a rule about all of them.
struct ProfileDocument: Decodable {
    var defaultAction: String
    var defaultErrnoRet: WholeNumber?
    var defaultErrno: String?
    var architectures: [String]?
    var archMap: [ArchitectureEntry]?
    var flags: [String]?
    var listenerPath: String?
    var listenerMetadata: String?
    var syscalls: [CallEntry]?

    enum CodingKeys: String, CodingKey, CaseIterable {
        case defaultAction, defaultErrnoRet, defaultErrno, architectures, archMap, flags, listenerPath
        case listenerMetadata, syscalls
    }

    struct ArchitectureEntry: Decodable {
        var architecture: String
        var subArchitectures: [String]?

        enum CodingKeys: String, CodingKey, CaseIterable { case architecture, subArchitectures }

        init(from decoder: any Decoder) throws {
            try StrictKeys.check(decoder, CodingKeys.self)
            let values = try decoder.container(keyedBy: CodingKeys.self)
            architecture = try values.decode(String.self, forKey: .architecture)
            subArchitectures = try values.decodeIfPresent([String].self, forKey: .subArchitectures)
        }
    }

    struct CallEntry: Decodable {
        var name: String?
        var names: [String]?
        var action: String
        var errnoRet: WholeNumber?
        var errno: String?
        var args: [ArgumentEntry]?
        var includes: FilterEntry?
        var excludes: FilterEntry?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case name, names, action, errnoRet, errno, args, includes, excludes, comment
        }

        init(from decoder: any Decoder) throws {
            try StrictKeys.check(decoder, CodingKeys.self)
            let values = try decoder.container(keyedBy: CodingKeys.self)
            name = try values.decodeIfPresent(String.self, forKey: .name)
            names = try values.decodeIfPresent([String].self, forKey: .names)
            action = try values.decode(String.self, forKey: .action)
            errnoRet = try values.decodeIfPresent(WholeNumber.self, forKey: .errnoRet)
            errno = try values.decodeIfPresent(String.self, forKey: .errno)
            args = try values.decodeIfPresent([ArgumentEntry].self, forKey: .args)
            includes = try values.decodeIfPresent(FilterEntry.self, forKey: .includes)
            excludes = try values.decodeIfPresent(FilterEntry.self, forKey: .excludes)
        }
    }

    struct ArgumentEntry: Decodable {
        var index: WholeNumber
        var value: WholeNumber
        var valueTwo: WholeNumber?
        var op: String

        enum CodingKeys: String, CodingKey, CaseIterable { case index, value, valueTwo, op }

        init(from decoder: any Decoder) throws {
            try StrictKeys.check(decoder, CodingKeys.self)
            let values = try decoder.container(keyedBy: CodingKeys.self)
            index = try values.decode(WholeNumber.self, forKey: .index)
            value = try values.decode(WholeNumber.self, forKey: .value)
            valueTwo = try values.decodeIfPresent(WholeNumber.self, forKey: .valueTwo)
            op = try values.decode(String.self, forKey: .op)
        }
    }

    struct FilterEntry: Decodable {
        var caps: [String]?
        var arches: [String]?
        var minKernel: String?

        enum CodingKeys: String, CodingKey, CaseIterable { case caps, arches, minKernel }

        init(from decoder: any Decoder) throws {
            try StrictKeys.check(decoder, CodingKeys.self)
            let values = try decoder.container(keyedBy: CodingKeys.self)
            caps = try values.decodeIfPresent([String].self, forKey: .caps)
            arches = try values.decodeIfPresent([String].self, forKey: .arches)
            minKernel = try values.decodeIfPresent(String.self, forKey: .minKernel)
        }
    }

    init(from decoder: any Decoder) throws {
        try StrictKeys.check(decoder, CodingKeys.self)
        let values = try decoder.container(keyedBy: CodingKeys.self)
        defaultAction = try values.decode(String.self, forKey: .defaultAction)
        defaultErrnoRet = try values.decodeIfPresent(WholeNumber.self, forKey: .defaultErrnoRet)
        defaultErrno = try values.decodeIfPresent(String.self, forKey: .defaultErrno)
        architectures = try values.decodeIfPresent([String].self, forKey: .architectures)
        archMap = try values.decodeIfPresent([ArchitectureEntry].self, forKey: .archMap)
        flags = try values.decodeIfPresent([String].self, forKey: .flags)
        listenerPath = try values.decodeIfPresent(String.self, forKey: .listenerPath)
        listenerMetadata = try values.decodeIfPresent(String.self, forKey: .listenerMetadata)
        syscalls = try values.decodeIfPresent([CallEntry].self, forKey: .syscalls)
    }
}

/// A number from 0 to 2^64 - 1. Its own type because the decoder does not say where a number that does not fit stands.
struct WholeNumber: Decodable {
    var value: UInt64

    init(from decoder: any Decoder) throws {
        do {
            value = try decoder.singleValueContainer().decode(UInt64.self)
        } catch {
            let context = DecodingError.Context(
                codingPath: decoder.codingPath, debugDescription: "the value is not a whole number from 0 to 2^64 - 1")
            throw DecodingError.dataCorrupted(context)
        }
    }
}

/// Refuses an object with a key that its type does not list.
enum StrictKeys {
    private struct AnyKey: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    static func check<Key: CodingKey & CaseIterable>(_ decoder: any Decoder, _ keys: Key.Type) throws {
        let known = Set(keys.allCases.map(\.stringValue))
        let found = try decoder.container(keyedBy: AnyKey.self).allKeys
        let unknown = found.filter { !known.contains($0.stringValue) }.min { $0.stringValue < $1.stringValue }
        if let unknown {
            let context = DecodingError.Context(
                codingPath: decoder.codingPath + [unknown],
                debugDescription: "no profile has a key with this name")
            throw DecodingError.dataCorrupted(context)
        }
    }
}
