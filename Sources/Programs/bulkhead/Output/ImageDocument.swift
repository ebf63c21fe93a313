import CommandOutput
import Containers
import Diagnostics
import ImageStorage
import LinuxKernel
import OCIFormat

enum SizeText {
    static func of(_ bytes: UInt64) -> String { ByteCount.text(bytes) }
}

/// An image as programs see it. Docs/Reference/command-line.md lists the keys.
struct ImageDocument: Encodable {
    var id: String
    var manifest: String
    var names: [String]
    var platform: String
    /// Bytes of the unpacked layers.
    var size: UInt64
    var layerCount: Int
    var createdAt: String?
    var importedAt: String

    init(_ image: ImageSummary) {
        id = image.id.description
        manifest = image.manifest.description
        names = image.references.map(\.familiar)
        platform = image.platform.description
        size = image.size
        layerCount = image.layerCount
        createdAt = image.created
        importedAt = Timestamp.text(Double(image.imported), digits: 0)
    }
}

/// `image inspect`.
struct ImageDetails: Encodable {
    var image: ImageDocument
    var entrypoint: [String]
    var command: [String]
    var environment: [String]
    var workingDirectory: String
    var user: String?
    var stopSignal: String?
    var volumes: [String]
    var exposedPorts: [String]
    var labels: [String: String]
    /// Of the unpacked layers, lowest first.
    var layers: [String]
    var layerDirectories: [String]
    /// Of each layer the fs-verity digest the kernel holds it to; null for directories, and without fs-verity.
    var layerSeals: [String?]

    init(_ stored: StoredImage) throws(Failure) {
        let config = stored.config
        image = ImageDocument(stored.summary)
        entrypoint = config.entrypoint
        command = config.command
        environment = config.environment
        workingDirectory = config.workingDirectory
        user = config.user?.description
        stopSignal = config.stopSignal
        volumes = config.volumes
        exposedPorts = config.exposedPorts.map(\.description)
        labels = config.labels.reduce(into: [:]) { $0[$1.key] = $1.value }
        layers = config.layers.map(\.description)
        layerDirectories = stored.layers
        layerSeals = try stored.layers.map { path throws(Failure) in
            do throws(KernelError) { return try LayerImageSeal.digest(of: path).map { "sha256:" + $0 } } catch {
                throw error.failure("image.store-damaged", doing: "read the seal of", on: path)
            }
        }
    }
}
