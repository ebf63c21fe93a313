import AgentCore
import AgentService
import ClusterModel
import CommandOutput
import Containerizing
import Containers
import Determinism
import Diagnostics
import DurableStorage
import HostProbe
import ImageStorage
import LinuxKernel
import NativeContainerizer
import OCIRuntimeContainerizer
import TaskFiles

/// This machine as an agent uses it: what makes containers, what does the files, what remembers.
struct Machine: Sendable {
    let containerizer: any Containerizer
    let host: TaskHost
    let journal: FileJournal
    let abilities: HostAbilities
    let description: HostDescription
    let facts: MachineFacts
    let downloader: HTTPDownloader

    /// Blocks: not for Swift's own threads.
    init(_ options: MachineOptions, agent: String) throws(Failure) {
        guard HostFacts.effectiveUser() == 0 else {
            throw Failure(
                "host.not-root", doing: "run an agent", cause: "this is user \(HostFacts.effectiveUser()), not root",
                remedy: "run it with sudo")
        }
        abilities = HostProbe.abilities()
        description = HostDescription.probe()
        let work = try WorkDirectory(options.workPath)
        journal = try FileJournal(in: work.records())
        downloader = HTTPDownloader()
        var rules = FetchRules()
        rules.fileRoots = options.fetchRoot
        host = try TaskHost(
            workDirectory: work, unpacker: InstalledProgram.unpacker.place, downloader: downloader, fetchRules: rules)
        containerizer = try Containerizers(options, agent: agent, abilities: abilities).composed()
        facts = MachineFacts(
            processors: description.processors, memory: description.memoryBytes, disk: try Self.disk(options.workPath))
    }

    private static func disk(_ path: String) throws(Failure) -> UInt64 {
        do throws(KernelError) {
            let space = try FilesystemSpace.at(path)
            return space.used + space.available
        } catch {
            throw error.failure("host.disk", doing: "measure the disk", on: path)
        }
    }

    /// Limits of tasks that this host cannot hold.
    var unenforceable: [String] {
        [(Feature.cpu, "cpu"), (.memory, "memory"), (.pids, "pids")]
            .filter { abilities.ability($0.0).state == .unavailable }.map(\.1)
    }
}

/// `--containerizers` as containerizers.
struct Containerizers {
    let options: MachineOptions
    let agent: String
    let abilities: HostAbilities

    init(_ options: MachineOptions, agent: String, abilities: HostAbilities) {
        self.options = options
        self.agent = agent
        self.abilities = abilities
    }

    func composed() throws(Failure) -> any Containerizer {
        let names = options.containerizers.split(separator: ",").map(String.init)
        guard !names.isEmpty, Set(names).count == names.count else {
            throw .flag(
                "containerizers", options.containerizers, cause: "it names none, or one twice",
                remedy: "write for example native,oci:crun")
        }
        let store = try ImageStore(
            root: options.storePath, unpacker: Unpacker(program: InstalledProgram.unpacker.place))
        var members: [any Containerizer] = []
        for name in names { members.append(try member(name, store)) }
        return members.count == 1 ? members[0] : ComposingContainerizer(members)
    }

    private func member(_ name: String, _ store: ImageStore) throws(Failure) -> any Containerizer {
        if name == "native" { return try native(name, store, runtime: nil) }
        if name.hasPrefix("oci:") { return try native(name, store, runtime: String(name.dropFirst(4))) }
        throw .flag(
            "containerizers", name, cause: "there is no such containerizer", remedy: "write native or oci:PROGRAM")
    }

    /// Each has directories of its own: what one sweeps away must not be another's.
    private func native(_ name: String, _ store: ImageStore, runtime: String?) throws(Failure) -> any Containerizer {
        let part = name.map { $0.isLetter || $0.isNumber ? $0 : "-" }
        let places = Places(
            volatile: "\(options.statePath)/agents/\(agent)/\(String(part))", store: options.storePath,
            agent: "\(agent)-\(String(part))")
        var starter: OCIRuntime?
        if let runtime { starter = try OCIRuntime(program: runtime, places: places) }
        return NativeTasks(
            runtime: NativeContainerizer(
                places: places, launcherPath: try InstalledProgram.launcher.found(), host: abilities, starter: starter),
            images: store, name: name)
    }
}
