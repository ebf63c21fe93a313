/// Something that appears at a path in the container.
public struct VolumeMount: Hashable, Sendable {
    public enum Source: Hashable, Sendable {
        case hostPath(String, propagation: Propagation? = nil)
        case image(ContainerImage)
        /// A volume of a plug-in of the other engine.
        case driver(name: String, driver: String?, options: [String: String])
        case sandbox(Origin, path: String)
        case secret(Secret)
        case storage(StorageVolume)
    }
    /// Whose sandbox: the container's own, or that of the container it is nested in.
    public enum Origin: String, Sendable, CaseIterable {
        case own = "SELF"
        case parent = "PARENT"
    }
    public enum Propagation: String, Sendable, CaseIterable {
        case fromHost = "HOST_TO_CONTAINER"
        case bothWays = "BIDIRECTIONAL"
    }
    public var containerPath: String
    public var mode: Disk.Volume.Mode
    /// Nil: an empty directory.
    public var source: Source?

    public init(containerPath: String, mode: Disk.Volume.Mode, source: Source? = nil) {
        self.containerPath = containerPath
        self.mode = mode
        self.source = source
    }
}

/// A volume of a container storage interface plug-in that exists already.
public struct StorageVolume: Hashable, Sendable {
    public var plugin: String
    public var volume: String
    /// A block device; otherwise it is mounted.
    public var isBlock: Bool
    public var fileSystem: String?
    public var mountFlags: [String]
    /// As the interface names it: `SINGLE_NODE_WRITER`.
    public var accessMode: String
    public var context: [String: String]

    public init(
        plugin: String, volume: String, isBlock: Bool = false, fileSystem: String? = nil, mountFlags: [String] = [],
        accessMode: String = "UNKNOWN", context: [String: String] = [:]
    ) {
        self.plugin = plugin
        self.volume = volume
        self.isBlock = isBlock
        self.fileSystem = fileSystem
        self.mountFlags = mountFlags
        self.accessMode = accessMode
        self.context = context
    }
}
