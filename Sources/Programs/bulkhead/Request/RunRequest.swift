import CommandOutput
import Containerizing
import Containers
import Diagnostics
import ImageStorage
import LinuxKernel
import NativeContainerizer
import OCIFormat

extension Run {
    private static let idDigitsInHostname = 12

    /// Everything decided: flags, image and this host's facts as one value.
    func request(
        _ command: [String], limits: ContainerLimits, image: StoredImage, _ trust: ImageTrust,
        _ containerizer: NativeContainerizer
    ) throws(Failure) -> ContainerRequest {
        try checkStreams()
        let id = ContainerID(number: KernelRandom.number())
        var isolation = try walls.isolation(hostname: String(id.text.prefix(Self.idDigitsInHostname)))
        let (volumes, temporary) = try storage.requests()
        let grant = try walls.grant()
        isolation.devices += grant.devices
        let composition = TaskComposition(
            config: image.config, command: command, entrypoint: entrypoint, environment: try process.environment(),
            workingDirectory: try process.workingDirectory(), user: try user(of: image, containerizer),
            hostname: isolation.hostname, hasTerminal: process.tty)
        isolation.capabilities = try composition.capabilities(adding: walls.capAdd, dropping: walls.capDrop)
        isolation.network = try wires.request(containerizer)
        if isolation.nameServers.isEmpty { isolation.nameServers = try NameServers.usual(for: isolation.network) }
        var task = composition.process(
            terminal: process.tty ? StandardStreams.terminalRequest() : nil,
            interactive: process.interactive && !detach)
        task.environment = EnvironmentList.merged(task.environment, grant.environment)
        task.groups += grant.groups.filter { !task.groups.contains($0) }
        return ContainerRequest(
            id: id, name: try freeName(containerizer),
            image: ImageIdentity(
                reference: Self.shownName(image, asked: self.image), digest: image.summary.manifest.description,
                trust: trust),
            process: task, isolation: isolation, limits: limits, volumes: volumes + grant.volumes,
            temporaryFilesystems: temporary,
            labels: try LabelFlags.merged(label, over: Self.labels(of: image)), stopSignal: try signal(of: image),
            removeAtEnd: rm, secrets: try storage.secrets())
    }

    private static func labels(of image: StoredImage) -> [String: String] {
        image.config.labels.reduce(into: [:]) { $0[$1.key] = $1.value }
    }

    private static func shownName(_ image: StoredImage, asked: String) -> String {
        let references = image.summary.references
        do throws(Failure) {
            let reference = try ImageReference(parsing: asked)
            if references.contains(reference) { return reference.familiar }
        } catch { return references.first?.familiar ?? asked }
        return references.first?.familiar ?? asked
    }

    private func checkStreams() throws(Failure) {
        if detach, process.interactive, !process.tty {
            throw .flag(
                "interactive", "true", cause: "with --detach nobody is there to write to the task",
                remedy: "leave one of them out, or add --tty")
        }
        if process.tty, process.interactive, !detach, !Console.isTerminal(0) {
            throw .flag(
                "tty", "true", cause: "our standard input is not a terminal", remedy: "leave --tty or --interactive out"
            )
        }
    }

    private func user(of image: StoredImage, _ containerizer: NativeContainerizer) throws(Failure) -> ResolvedUser {
        let spec = try process.userSpec() ?? image.config.user ?? .root
        return try Accounts.resolve(spec) { paths, limit throws(Failure) in
            try containerizer.imageFiles(paths, layers: image.layers, limit: limit)
        }
    }

    private func signal(of image: StoredImage) throws(Failure) -> Int32 {
        if let stopSignal { return try SignalFlag.parse(stopSignal, flag: "stop-signal") }
        guard let own = image.config.stopSignal, !own.isEmpty else { return SignalNumber.terminate }
        return try SignalFlag.parse(own, flag: "stop-signal")
    }

    /// Two containers of one name would be one too many for whoever says it.
    private func freeName(_ containerizer: NativeContainerizer) throws(Failure) -> String {
        guard let name else {
            return try ContainerNames.fresh { name throws(Failure) in try containerizer.isListed(name) }
        }
        _ = try ContainerID(name)
        if let other = try containerizer.holder(of: name) {
            throw Failure(
                "container.name-taken", doing: "name the container", on: name,
                cause: "container \(other) has that name",
                remedy: "choose another, or: bulkhead rm \(Self.force(other, containerizer))\(name)", field: "name")
        }
        return name
    }

    /// What it takes to remove the container: nothing more when it has ended.
    private static func force(_ id: ContainerID, _ containerizer: NativeContainerizer) -> String {
        do throws(Failure) { return try containerizer.status(of: id)?.state == .ended ? "" : "--force " } catch {
            // A damaged record is only removed by force.
            return "--force "
        }
    }
}
