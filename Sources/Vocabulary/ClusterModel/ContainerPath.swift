public import Diagnostics

public enum ContainerKind: IdentifierKind { public static let noun = "container" }
public typealias ContainerName = Identifier<ContainerKind>

/// Names a container by those it is nested in: `web.sidecar.debug` runs in `web.sidecar`, which runs in `web`.
public struct ContainerPath: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The outermost first, never empty.
    public let names: [ContainerName]

    public static let depthMax = 32

    public init(_ root: ContainerName) { names = [root] }

    /// - Throws: `Failure` `container.nested-too-deep`.
    public func appending(_ name: ContainerName) throws(Failure) -> ContainerPath {
        guard names.count < ContainerPath.depthMax else {
            throw Failure(
                "container.nested-too-deep", doing: "name container", on: name.text,
                cause: "it is nested more than \(ContainerPath.depthMax) deep",
                remedy: "nest less deeply", field: "container_id", limit: "nesting depth \(ContainerPath.depthMax)")
        }
        return ContainerPath(names: names + [name])
    }

    private init(names: [ContainerName]) { self.names = names }

    public var root: ContainerName { names[0] }
    public var leaf: ContainerName { names[names.count - 1] }
    public var isNested: Bool { names.count > 1 }
    /// Nil for the outermost.
    public var parent: ContainerPath? { isNested ? ContainerPath(names: Array(names.dropLast())) : nil }

    /// Whether `other` is this one or nested in it.
    public func contains(_ other: ContainerPath) -> Bool { other.names.starts(with: names) }

    public static func < (left: ContainerPath, right: ContainerPath) -> Bool {
        left.names.lexicographicallyPrecedes(right.names)
    }
    public var description: String { names.map(\.text).joined(separator: ".") }
}

/// What is known about the container of a task or an executor.
public struct ContainerStatusInfo: Hashable, Sendable {
    public var container: ContainerPath?
    public var networks: [NetworkInfo]
    /// On the host; nil when unknown.
    public var executorPID: UInt32?

    public init(container: ContainerPath? = nil, networks: [NetworkInfo] = [], executorPID: UInt32? = nil) {
        self.container = container
        self.networks = networks
        self.executorPID = executorPID
    }
}
