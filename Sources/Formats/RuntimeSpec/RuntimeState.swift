public import OrderedCollections

/// What `state` prints and hooks read, runtime-spec "State".
public struct RuntimeState: Equatable, Sendable {
    public enum Status: String, Sendable {
        case creating, created, running, stopped, paused
    }

    public static let version = "1.3.0"

    public var id: String
    public var status: Status
    /// 0 when there is no process.
    public var process: Int32
    public var bundle: String
    public var annotations: OrderedDictionary<String, String>

    public init(
        id: String, status: Status, process: Int32, bundle: String, annotations: OrderedDictionary<String, String>
    ) {
        self.id = id
        self.status = status
        self.process = process
        self.bundle = bundle
        self.annotations = annotations
    }

    public var document: SpecValue {
        var members: OrderedDictionary<String, SpecValue> = [
            "ociVersion": .string(Self.version), "id": .string(id), "pid": .number(process),
            "status": .string(status.rawValue), "bundle": .string(bundle),
        ]
        if !annotations.isEmpty { members["annotations"] = .object(annotations.mapValues { .string($0) }) }
        return .object(members)
    }
}
