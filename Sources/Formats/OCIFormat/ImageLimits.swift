/// Every bound on what an image may be. Each refusal names the bound by its case and states its value.
///
/// A struct, not constants, because operators raise some of them (`expandedBytes` foremost) and tests lower them.
public struct ImageLimits: Equatable, Sendable {
    // --- documents: manifests, indexes, configurations ---

    /// Bytes of one JSON document.
    public var documentBytes: UInt64 = 4 << 20
    /// Arrays and objects inside one another in one JSON document.
    public var documentDepth = 64
    /// Values of all kinds in one JSON document: what bounds the memory of its decoded form.
    public var documentValues = 262_144
    /// Descriptors in one index.
    public var indexManifests = 1_024
    /// Indexes inside one another, the outermost included.
    public var indexDepth = 2
    /// Images in one archive, and the layers they name together.
    public var archiveImages = 256
    public var archiveLayers = 16_384
    /// Bytes of all documents one import keeps until it ends, each counted once: what bounds its memory.
    public var importDocumentBytes: UInt64 = 64 << 20
    /// Bytes of the store's index after an import. Reading it takes twice as many, so that it can always be read.
    public var storeIndexBytes = 32 << 20

    // --- configuration ---

    public var historyEntries = 10_000
    public var environmentEntries = 4_096
    /// Bytes of one environment entry; execve(2) takes at most 128 KiB.
    public var environmentEntryBytes = 131_071
    /// Bytes of all environment entries together.
    public var environmentBytes = 1 << 20
    /// Words of Entrypoint, Cmd, Shell or Healthcheck.
    public var argumentEntries = 4_096
    public var argumentEntryBytes = 131_071
    public var labelEntries = 4_096
    public var labelBytes = 1 << 20
    public var volumeEntries = 256
    public var exposedPortEntries = 4_096
    /// Bytes of any other text: a user, an author, a comment.
    public var textBytes = 65_536

    // --- layers ---

    /// The kernel's overlay takes 500 lower directories; Docker's own maximum is 127.
    public var layers = 500
    /// Bytes of one blob as it is stored.
    public var blobBytes: UInt64 = 32 << 30
    /// Bytes one layer, or one outer archive, may become.
    public var expandedBytes: UInt64 = 32 << 30
    /// Entries of one layer, and the directories that are made for them.
    public var layerEntries: UInt64 = 1_000_000
    /// The same for all layers that one import unpacks: those the store has already are not among them.
    public var imageBytes: UInt64 = 128 << 30
    public var imageEntries: UInt64 = 5_000_000
    /// Members of an outer archive.
    public var archiveMembers: UInt64 = 10_000
    /// Directories inside one another in a layer.
    public var pathDepth = 4_096
    /// Bytes of one component of a path; the kernel's NAME_MAX.
    public var nameBytes = 255
    /// Bytes of a path or of a link's target; the kernel's PATH_MAX, its terminator included.
    public var pathBytes = 4_096
    /// Bytes of the extended headers (PAX, GNU long names) of one entry.
    public var headerBytes = 1 << 20
    /// Extended attributes of one entry, and the bytes of one value; the kernel's XATTR_SIZE_MAX.
    public var attributeEntries = 256
    public var attributeBytes = 65_536
    /// Expanded bytes for each compressed byte, checked once `ratioFreeBytes` came out.
    public var expansionRatio: UInt64 = 1_000
    public var ratioFreeBytes: UInt64 = 64 << 20

    // --- accounts: /etc/passwd and /etc/group of an image ---

    public var accountFileBytes = 1 << 20
    public var accountLineBytes = 65_536
    public var supplementaryGroups = 1_024

    public init() {}

    public static let standard = ImageLimits()
}
