/*
 * launch-once: containers from a process of their own, so that tests can crash it (BULKHEAD_FAILPOINT, strace) and
 * count what it holds.
 *
 *   launch-once launch RUN STORE LAUNCHER LAYER ID     starts a container that sleeps, and ends
 *   launch-once limited RUN STORE LAUNCHER LAYER ID    the same with a disk limit of 16 MiB
 *   launch-once loop RUN STORE LAUNCHER LAYER ID       the same in a file system of its own
 *   launch-once bridge RUN STORE LAUNCHER LAYER ID     the same on a bridge, with a port and limits
 *   launch-once plugins RUN STORE LAUNCHER LAYER ID    the same on the network cni:plain of RUN/../net.d
 *   launch-once brief RUN STORE LAUNCHER LAYER ID      starts one that ends at once, and ends
 *   launch-once pooled RUN STORE LAUNCHER LAYER ID     the same as launch, in namespaces that were made before
 *   launch-once remove RUN STORE LAUNCHER LAYER ID     removes it
 *   launch-once bridges RUN STORE LAUNCHER LAYER COUNT starts and ends containers on a bridge; prints what is left
 *   launch-once many RUN STORE LAUNCHER LAYER COUNT    starts and ends containers in every way; prints what is left
 */
import Containers
import Diagnostics
import HostProbe
import LinuxKernel
import NativeContainerizer

let words = CommandLine.arguments
guard words.count == 7 else {
    print("usage: launch-once VERB RUN STORE LAUNCHER LAYER ID|COUNT, as above")
    CurrentProcess.exit(2)
}
let containerizer = NativeContainerizer(
    places: Places(volatile: words[2], store: words[3]), launcherPath: words[4],
    host: HostProbe.abilities(store: words[3]),
    namespacePool: words[1] == "pooled" ? 1 : Int(ProcessEnvironment.value("BULKHEAD_TEST_NAMESPACE_POOL") ?? "") ?? 0)

func request(_ id: ContainerID, _ arguments: [String]) -> ContainerRequest {
    var request = ContainerRequest(
        id: id, name: id.text, image: ImageIdentity(reference: "busybox", digest: "sha256:0"),
        process: ProcessRequest(arguments: arguments, environment: ["PATH=/bin"]))
    request.isolation.capabilities = CapabilitySet.rootDefault.rawValue
    return request
}

func launch(_ request: ContainerRequest) throws -> RunningContainer {
    try containerizer.launch(request, layers: [words[5]], attachment: Attachment())
}

do {
    switch words[1] {
    case "launch":
        _ = try launch(request(try ContainerID(words[6]), ["sleep", "600"]))
    case "limited", "loop":
        var limited = request(try ContainerID(words[6]), ["sleep", "600"])
        limited.limits.disk = 16 << 20
        if words[1] == "loop" { limited.limits.diskBacking = .loop }
        _ = try launch(limited)
    case "bridge":
        var request = request(try ContainerID(words[6]), ["sleep", "600"])
        request.isolation.network = .bridge(
            BridgeRequest(
                ports: [PortPublication(hostPort: 8_080, port: 80)],
                bandwidth: NetworkBandwidth(incoming: 1 << 20, outgoing: 1 << 20)))
        _ = try launch(request)
    case "plugins":
        var request = request(try ContainerID(words[6]), ["sleep", "600"])
        request.isolation.network = .plugins(PluginRequest(network: "plain", configurations: words[2] + "/../net.d"))
        _ = try launch(request)
    case "pooled":
        guard containerizer.namespaces?.awaitFull() == 1 else {
            throw Failure("test.no-namespaces", doing: "make namespaces ahead", cause: "none are there")
        }
        _ = try launch(request(try ContainerID(words[6]), ["sleep", "600"]))
    case "brief":
        _ = try launch(request(try ContainerID(words[6]), ["true"]))
    case "remove":
        try containerizer.remove(try ContainerID(words[6]), force: true)
    case "bridges":
        try Crowd(count: Int(words[6]) ?? 0).runOnBridge()
    case "many":
        try Crowd(count: Int(words[6]) ?? 0).run()
    default:
        CurrentProcess.exit(2)
    }
} catch {
    // Not print(3)'s buffer, which an exit without handlers does not write.
    do { try OwnedDescriptor.standardStream(1).write("\(error)\n") } catch { CurrentProcess.exit(3) }
    CurrentProcess.exit(1)
}
