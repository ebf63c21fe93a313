import ArgumentParser
import CommandOutput
import Containers
import Diagnostics
import LinuxKernel

/// What a container sees of the host's files, and file systems in memory.
struct StorageOptions: ParsableArguments {
    @Option(
        name: [.customShort("v", allowingJoined: true), .long], parsing: .unconditionalSingleValue,
        help: .init(
            "Show a host directory or file; options ro, noexec, unmapped.", valueName: "source:target[:option,…]"))
    var volume: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: .init("The same as fields: type=bind|tmpfs,source=…,target=…,readonly", valueName: "fields"))
    var mount: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: .init(
            "An empty file system in memory; options size= (usual 64m), mode=, exec, ro.",
            valueName: "target[:option,…]"))
    var tmpfs: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: .init(
            "A secret: name=…,source=file:PATH|env:VARIABLE|inline:VALUE[,target=PATH][,env=VARIABLE][,uid=][,gid=]"
                + "[,mode=]; a file in memory at /run/secrets/NAME unless said otherwise.", valueName: "fields"))
    var secret: [String] = []

    func secrets() throws(Failure) -> [SecretRequest] {
        let reading = SecretFlag(
            directory: CurrentProcess.directory(), ours: ProcessEnvironment.value,
            readFile: { path throws(Failure) in
                try HostFile.read(path, flag: "secret", limit: SecretRequest.bytesMax)
            })
        var secrets: [SecretRequest] = []
        for text in secret { secrets.append(try reading.request(text)) }
        return secrets
    }

    func requests() throws(Failure) -> (volumes: [VolumeRequest], temporary: [TemporaryFilesystem]) {
        let directory = CurrentProcess.directory()
        var volumes: [VolumeRequest] = []
        var temporary: [TemporaryFilesystem] = []
        for text in volume { volumes.append(try VolumeFlag.parse(text, directory: directory)) }
        for text in mount {
            switch try MountFlag.parse(text, directory: directory) {
            case .volume(let request): volumes.append(request)
            case .temporary(let filesystem): temporary.append(filesystem)
            }
        }
        for text in tmpfs { temporary.append(try TmpfsFlag.parse(text)) }
        for index in volumes.indices { volumes[index].isFile = try HostPath.isFile(volumes[index].source) }
        try Self.refuseTwice(volumes.map(\.target) + temporary.map(\.target))
        return (volumes, temporary)
    }

    static func refuseTwice(_ targets: [String]) throws(Failure) {
        var seen: Set<TargetPath> = []
        for target in targets where !seen.insert(TargetPath(target)).inserted {
            throw .flag("volume", target, cause: "two mounts have this target", remedy: "give each its own")
        }
    }
}
