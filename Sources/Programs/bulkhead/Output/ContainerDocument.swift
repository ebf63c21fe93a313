import CommandOutput
import Containers
import Diagnostics
import NativeContainerizer

/// A container as programs see it in `ps`, `inspect` and `stats`. Docs/Reference/command-line.md lists the keys.
struct ContainerDocument: Encodable {
    var id: String
    var name: String
    var image: String
    var imageDigest: String
    var command: [String]
    var state: String
    /// Process 1 of the container (or its monitor) as the host numbers it.
    var process: Int32?
    var createdAt: String
    var startedAt: String?
    var endedAt: String?
    var exitCode: Int32?
    var exitReason: String?
    var exitMessage: String?
    var labels: [String: String]
    /// As after `--network`.
    var network: String
    var addresses: [String]
    /// As after `--publish`.
    var ports: [String]

    init(_ status: ContainerStatus) {
        let record = status.record
        let request = record.request
        id = request.id.text
        name = request.name
        image = request.image.reference
        imageDigest = request.image.digest
        command = request.process.arguments
        state = status.state.rawValue
        process = status.process
        createdAt = Timestamp.text(record.createdAt)
        startedAt = record.startedAt.map { Timestamp.text($0) }
        endedAt = record.exit.map { Timestamp.text($0.endedAt) }
        exitCode = record.exit?.code
        exitReason = record.exit?.reason.rawValue
        exitMessage = record.exit?.message
        labels = request.labels
        network = request.isolation.network.name
        ports = request.isolation.network.ports.map(\.description)
        addresses = []
        if case .bridge(let bridge) = request.isolation.network {
            addresses = bridge.lease?.addresses.map(\.description) ?? []
        }
    }
}

/// `inspect`: the same with everything the container was asked to be.
struct InspectDocument: Encodable {
    var container: ContainerDocument
    var process: ProcessRequest
    var isolation: IsolationRequest
    var capabilities: [String]
    var limits: ContainerLimits
    var volumes: [VolumeRequest]
    var temporaryFilesystems: [TemporaryFilesystem]
    /// Where they came from and where they went.
    var secrets: [SecretRequest]
    var stopSignal: String
    var removeAtEnd: Bool
    var layers: [String]

    init(_ status: ContainerStatus) {
        let request = status.record.request
        container = ContainerDocument(status)
        process = request.process
        isolation = request.isolation
        capabilities = CapabilitySet(rawValue: request.isolation.capabilities).names
        limits = request.limits
        volumes = request.volumes
        temporaryFilesystems = request.temporaryFilesystems
        secrets = request.secrets ?? []
        stopSignal = SignalFlag.name(request.stopSignal)
        removeAtEnd = request.removeAtEnd
        layers = status.record.layers
    }
}
