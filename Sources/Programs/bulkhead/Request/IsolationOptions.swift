import ArgumentParser
import CommandOutput
import Containerizing
import Containers
import Diagnostics
import OCIFormat

/// The walls of a container, as `run` takes them.
struct IsolationOptions: ParsableArguments {
    @Option(
        name: [.customShort("h"), .long], parsing: .unconditional,
        help: "Host name inside (usual: the id's first 12 digits).")
    var hostname: String?

    @Option(parsing: .unconditionalSingleValue, help: .init("A line for /etc/hosts.", valueName: "name:address"))
    var addHost: [String] = []

    @Option(parsing: .unconditionalSingleValue, help: .init("A name server.", valueName: "address"))
    var dns: [String] = []

    @Flag(help: "The root file system cannot be written.")
    var readOnly = false

    @Option(parsing: .unconditionalSingleValue, help: .init("Add a capability, or ALL.", valueName: "capability"))
    var capAdd: [String] = []

    @Option(parsing: .unconditionalSingleValue, help: .init("Drop a capability, or ALL.", valueName: "capability"))
    var capDrop: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: .init(
            "seccomp=FILE|strict|unconfined, no-new-privileges[=BOOL], proc=subset, "
                + "systempaths=unconfined, apparmor=PROFILE|unconfined.",
            valueName: "option"))
    var securityOpt: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: .init(
            "Answer these system calls on the host instead of in the kernel: mknod (null, zero, full, random, urandom, "
                + "tty), sysinfo (the container's own memory, swap, processes and time).",
            valueName: "call,..."))
    var emulate: [String] = []

    @Option(parsing: .unconditional, help: "SELinux label the task runs under.")
    var securityLabel: String?

    @Option(parsing: .unconditional, help: "SELinux label its own files have.")
    var mountLabel: String?

    @Option(parsing: .unconditionalSingleValue, help: .init("A resource limit.", valueName: "name=soft[:hard]"))
    var ulimit: [String] = []

    @Option(
        parsing: .unconditionalSingleValue, help: .init("A kernel setting of the container's.", valueName: "name=value")
    )
    var sysctl: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: .init(
            "A device of the host, or one that a CDI specification describes.",
            valueName: "/dev/name[:/dev/inside][:rw]|vendor.com/class=name"))
    var device: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: .init(
            "Let --device give a device that opens the host: a disk, memory, a control device.",
            valueName: "/dev/name"))
    var allowDevice: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: .init("A directory of CDI specifications (usual: /etc/cdi and /var/run/cdi).", valueName: "directory"))
    var cdiDir: [String] = []

    @Flag(help: "Leave out programs that a CDI specification wants run on the host.")
    var cdiSkipHooks = false

    @Option(parsing: .unconditional, help: "Size of /dev/shm (usual 64m).")
    var shmSize: String?

    @Option(parsing: .unconditional, help: "When memory runs out: -1000 (last) to 1000 (first).")
    var oomScoreAdj: String?

    @Flag(inversion: .prefixedNo, help: "Process 1 is Bulkhead's init and the task its child.")
    var `init` = true

    @Option(
        parsing: .unconditionalSingleValue,
        help: .init("Go on where this host cannot enforce it (see 'bulkhead host').", valueName: "feature"))
    var allowUnenforced: [String] = []

    private static let profileBytesMax = 4 << 20

    /// Everything but identities and capabilities, which depend on the image.
    func isolation(hostname fallback: String) throws(Failure) -> IsolationRequest {
        var isolation = IsolationRequest(hostname: hostname ?? fallback, readOnlyRoot: readOnly, hasInit: `init`)
        for text in addHost { isolation.extraHosts.append(try AddressFlag.hostLine(text)) }
        for text in dns { isolation.nameServers.append(try AddressFlag.nameServer(text)) }
        let emulated = try EmulateFlag.parse(emulate)
        if !emulated.isEmpty { isolation.emulated = emulated }
        for text in securityOpt { try apply(try SecurityOption.parse(text), to: &isolation) }
        for text in ulimit {
            let limit = try UlimitFlag.parse(text)
            isolation.resourceLimits.removeAll { $0.name == limit.name }
            isolation.resourceLimits.append(limit)
        }
        for text in sysctl {
            let (name, value) = try SysctlFlag.parse(text)
            isolation.sysctls[name] = value
        }
        for text in device where DeviceName(text) == nil { isolation.devices.append(try DeviceFlag.resolve(text)) }
        (isolation.securityLabel, isolation.mountLabel) = (securityLabel, mountLabel)
        isolation.allowedDevices = allowDevice.isEmpty ? nil : allowDevice
        if let shmSize { isolation.sharedMemoryBytes = try ByteSize.parse(shmSize, flag: "shm-size") }
        if let oomScoreAdj {
            isolation.oomScore = Int32(try WholeNumber.parse(oomScoreAdj, flag: "oom-score-adj", in: -1_000...1_000))
        }
        for text in allowUnenforced.flatMap({ $0.cut(at: ",").map(String.init) }) {
            isolation.allowedUnenforced.append(try UnenforcedFlag.parse(text))
        }
        return isolation
    }

    /// What the devices bring that were asked for by name.
    func grant() throws(Failure) -> DeviceRegistry.Grant {
        let directories = cdiDir.isEmpty ? DeviceRegistry.standardDirectories : cdiDir
        return try DeviceRegistry(directories: directories)
            .grant(device.compactMap { DeviceName($0) }, skippingHooks: cdiSkipHooks)
    }

    private func apply(_ option: SecurityOption, to isolation: inout IsolationRequest) throws(Failure) {
        switch option {
        case .seccompStandard: isolation.seccomp = .standard
        case .seccompStrict: isolation.seccomp = .strict
        case .seccompUnconfined: isolation.seccomp = .unconfined
        case .seccompProfile(let path):
            let bytes = try HostFile.read(path, flag: "security-opt", limit: Self.profileBytesMax)
            isolation.seccomp = .profile(name: path, json: String(decoding: bytes, as: UTF8.self))
        case .noNewPrivileges(let isOn): isolation.noNewPrivileges = isOn
        case .processesOnly: isolation.procView = .processes
        case .pathsUnmasked:
            isolation.maskedPaths = []
            isolation.readOnlyPaths = []
        case .appArmor(let choice): isolation.appArmor = choice
        case .nothing: break
        }
    }
}
