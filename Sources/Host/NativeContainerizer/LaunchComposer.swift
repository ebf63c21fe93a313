import Containerizing
public import Containers
public import Diagnostics
public import ImageStorage
import LinuxKernel
import OCIFormat

/// A launch with its image found and everything decided.
public struct ComposedLaunch: Sendable {
    public var request: ContainerRequest
    /// Directories of the image's layers, lowest first.
    public var layers: [String]
    /// Nil when it has none of the store's.
    public var image: StoredImage?
}

/// Turns what an agent asks for into what the runtime carries out: image, accounts, environment, capabilities.
public struct LaunchComposer: Sendable {
    private static let idDigitsInHostname = 12
    let runtime: NativeContainerizer
    let images: ImageStore?

    public init(runtime: NativeContainerizer, images: ImageStore?) {
        self.runtime = runtime
        self.images = images
    }

    /// - Throws: `image.not-found` and what else is wrong with the image, the accounts or the command.
    public func compose(_ launch: ContainerLaunch) throws(Failure) -> ComposedLaunch {
        var (layers, image) = try root(of: launch)
        var config = image?.config ?? ImageConfig(layers: [])
        if launch.program == .hold { (layers, config) = ([], ImageConfig(layers: [])) }
        let user = try account(for: launch, config, layers)
        var isolation = launch.isolation
        if isolation.hostname.isEmpty { isolation.hostname = Self.hostname(of: launch.id) }
        let fallback = config.workingDirectory.isEmpty ? launch.fallbackDirectory : nil
        let composition = TaskComposition(
            config: config, command: [], entrypoint: "", environment: launch.environment,
            workingDirectory: launch.workingDirectory ?? fallback, user: user, hostname: isolation.hostname,
            hasTerminal: launch.terminal != nil)
        isolation.capabilities = try composition.capabilities(
            adding: launch.addedCapabilities, dropping: launch.droppedCapabilities)
        if isolation.nameServers.isEmpty { isolation.nameServers = try NameServers.usual(for: isolation.network) }
        var process = composition.process(terminal: launch.terminal, interactive: launch.interactive)
        process.arguments = try launch.program.words(config)
        process.groups += (launch.groups ?? []).filter { !process.groups.contains($0) }
        var request = ContainerRequest(
            id: launch.id, name: launch.id.text,
            image: ImageIdentity(
                reference: Self.reference(launch.root), digest: image?.summary.manifest.description ?? "",
                trust: try image.flatMap { (found: StoredImage) throws(Failure) in try trust(found) }),
            process: process, isolation: isolation, limits: launch.limits, volumes: launch.volumes,
            temporaryFilesystems: launch.temporaryFilesystems, labels: Self.labels(config, launch),
            stopSignal: try stopSignal(launch, config), output: launch.output, error: launch.error,
            parent: launch.parent, secrets: launch.secrets)
        if launch.program == .hold { request.holdsOnly = true }
        try addFiles(launch, to: &request)
        return ComposedLaunch(request: request, layers: layers, image: image)
    }

    private func root(of launch: ContainerLaunch) throws(Failure) -> ([String], StoredImage?) {
        switch launch.root {
        case .layers(let layers): return (layers, nil)
        case .hostTools:
            let layer = runtime.places.hostTools
            try HostTools.prepareLayer(at: layer)
            return ([layer], nil)
        case .image(let reference):
            if launch.program == .hold { return ([], nil) }
            guard let images else {
                throw Failure(
                    "image.not-found", doing: "find the image", on: reference, cause: "there is no image store here",
                    field: "image")
            }
            let image = try images.resolve(reference)
            return (image.layers, image)
        }
    }

    private func trust(_ image: StoredImage) throws(Failure) -> ImageTrust? {
        guard let images else { return nil }
        return ImageTrust(try images.admit(image), of: image)
    }

    private func addFiles(_ launch: ContainerLaunch, to request: inout ContainerRequest) throws(Failure) {
        for index in request.volumes.indices {
            let volume = request.volumes[index]
            request.volumes[index].isFile = try VolumeSource.isFile(volume.source, confinedTo: volume.confinedTo)
        }
        guard launch.root == .hostTools, launch.program != .hold else { return }
        request.volumes += try HostTools.volumes(besides: request.volumes)
        if !request.mountsInOrder.contains(where: { TargetPath($0.target) == TargetPath("/tmp") }) {
            // It counts to the container's memory, which bounds it where the host can hold that.
            request.temporaryFilesystems.append(
                TemporaryFilesystem(target: "/tmp", bytesMax: request.limits.memory, execute: true))
        }
    }

    private func account(
        for launch: ContainerLaunch, _ config: ImageConfig, _ layers: [String]
    ) throws(Failure) -> ResolvedUser {
        let spec = try launch.user.map { text throws(Failure) in try UserSpec(parsing: text) } ?? config.user ?? .root
        return try Accounts.resolve(spec) { paths, limit throws(Failure) in
            if launch.root == .hostTools { return try HostAccounts.read(paths, limit: limit) }
            return try runtime.imageFiles(paths, layers: layers, limit: limit)
        }
    }

    private func stopSignal(_ launch: ContainerLaunch, _ config: ImageConfig) throws(Failure) -> Int32 {
        if let signal = launch.stopSignal { return signal }
        guard let own = config.stopSignal, !own.isEmpty else { return SignalNumber.terminate }
        guard let number = SignalNumber.named(own) else {
            throw Failure(
                "image.stop-signal", doing: "start the container", on: own, cause: "there is no such signal",
                remedy: "correct the image's STOPSIGNAL")
        }
        return number
    }

    private static func labels(_ config: ImageConfig, _ launch: ContainerLaunch) -> [String: String] {
        var labels: [String: String] = [:]
        for (name, value) in config.labels { labels[name] = value }
        return labels.merging(launch.labels) { $1 }
    }

    static func hostname(of id: ContainerID) -> String { String(id.text.prefix(idDigitsInHostname)) }

    private static func reference(_ root: ContainerLaunch.Root) -> String {
        switch root {
        case .image(let reference): reference
        case .hostTools: "(host tools)"
        case .layers: "(layers)"
        }
    }
}

/// Who a task without an image may be called: the host's accounts, by number.
private enum HostAccounts {
    static func read(_ paths: [String], limit: Int) throws(Failure) -> [[UInt8]?] {
        var result: [[UInt8]?] = []
        for path in paths {
            do throws(KernelError) {
                result.append(try OwnedDescriptor.open(RawPath(path)).readAll(limit: limit))
            } catch {
                guard error.errno == Errno.noEntry else {
                    throw error.failure("host.unreadable", doing: "read the host's accounts", on: path)
                }
                result.append(nil)
            }
        }
        return result
    }
}
