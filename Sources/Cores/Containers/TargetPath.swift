/// A place in a container by its parts, so that `/a/b`, `/a//b/` and `/a/./b` are one. What links of the image make of
/// it is not known before the launch.
public struct TargetPath: Hashable, Sendable {
    public let parts: [String]

    public init(_ text: String) { parts = text.cut(at: "/").filter { $0 != "." }.map(String.init) }

    public var depth: Int { parts.count }

    /// Whether `other` is somewhere below this place; it is not the place itself.
    public func isAbove(_ other: TargetPath) -> Bool { other.depth > depth && other.parts.starts(with: parts) }
}

/// A mount that a request names.
public enum RequestedMount: Equatable, Sendable {
    /// `number`: its place among the request's volumes.
    case volume(VolumeRequest, number: Int)
    case temporary(TemporaryFilesystem)

    public var target: String {
        switch self {
        case .volume(let volume, _): volume.target
        case .temporary(let filesystem): filesystem.target
        }
    }
}

extension ContainerRequest {
    /// Volumes and file systems in memory in the order in which they must be mounted: parents first, as a mount hides
    /// whatever was mounted below it before. Among equally deep ones the request's order holds.
    public var mountsInOrder: [RequestedMount] {
        let mounts: [RequestedMount] =
            volumes.enumerated().map { RequestedMount.volume($0.element, number: $0.offset) }
            + temporaryFilesystems.map(RequestedMount.temporary)
        // The sort of the standard library does not promise to keep the order of equals.
        return mounts.enumerated().map { (depth: TargetPath($0.element.target).depth, place: $0.offset) }
            .sorted { ($0.depth, $0.place) < ($1.depth, $1.place) }.map { mounts[$0.place] }
    }
}
