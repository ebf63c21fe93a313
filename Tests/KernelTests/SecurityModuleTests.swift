import Containers
import Diagnostics
import HostProbe
import LaunchPlanning
import LinuxKernel
import NativeContainerizer
import Testing

@testable import Isolation

/// Landlock in containers. Without it on this host the same commands succeed, which the control shows.
@Suite("Landlock in a container", .serialized)
struct ContainerLandlockTests {
    static let attempts = """
        touch /dev/x 2>/dev/null && echo dev; mkdir /dev/d 2>/dev/null && echo dir; touch /etc/x 2>/dev/null && echo etc
        echo x > /dev/null && echo null; touch /dev/shm/x && echo shm; touch /tmp/x && echo tmp; echo 0 > \
        /proc/self/oom_score_adj && echo proc
        mkdir /data/a /data/b && touch /data/a/f && mv /data/a/f /data/b/ && echo moved
        """

    private func request(_ request: inout ContainerRequest, _ source: String) {
        request.isolation.readOnlyRoot = true
        request.temporaryFilesystems = [TemporaryFilesystem(target: "/tmp")]
        request.volumes = [VolumeRequest(source: source, target: "/data")]
    }

    @Test("under a read-only root nothing can be made but where it may be, also where a mount would let it")
    func writes() throws {
        let host = try TestHost()
        let source = try host.directory("data", mode: 0o777)
        let enforced = host.containerizer.host.ability(.landlock).state == .enforced
        let outcome = try host.shell(Self.attempts) { request(&$0, source) }
        let made = "null\nshm\ntmp\nproc\nmoved\n"
        #expect(outcome.output == (enforced ? made : "dev\ndir\n" + made), "\(outcome.error)")
        let control = try host.shell("touch /dev/x && echo dev") { _ in }
        #expect(control.output == "dev\n")
    }

    @Test("a process that joins is held as well, as is a task without root's rights")
    func others() throws {
        let host = try TestHost()
        try #require(host.containerizer.host.ability(.landlock).state == .enforced)
        let source = try host.directory("data", mode: 0o777)
        let running = try host.detached(["sleep", "600"]) { request(&$0, source) }
        let id = running.record.request.id
        #expect(try host.exec(id, ["touch", "/dev/x"]).code != 0)
        #expect(try host.exec(id, ["touch", "/data/x"]).code == 0)
        try OwnedDescriptor.open(RawPath(source), [.directory]).changeMode(0o777)
        let user = try host.shell("touch /data/y && echo data; echo x > /dev/null && echo null") {
            request(&$0, source)
            ($0.process.uid, $0.process.gid) = (1_000, 1_000)
        }
        #expect(user.output == "data\nnull\n", "\(user.error)")
    }
}

extension ControllerTests {
    /// Where the kernel has AppArmor, as the VM's has.
    @Suite("AppArmor", .serialized)
    struct AppArmorControllerTests {
        @Test("the task and whoever joins run under the container's profile, init and we do not")
        func applied() throws {
            let host = try TestHost()
            try #require(host.containerizer.host.ability(.apparmor).state == .enforced)
            let (id, group, running) = try host.started("sleep 600 & sleep 601")
            let profile = try AppArmorProfile(masked: DefaultPaths.masked, readOnly: DefaultPaths.readOnly)
            try Deadline(seconds: 120).wait("the task") { group.processes().count >= 3 }
            for process in group.processes() {
                let text = try TextFile.read("/proc/\(process)/attr/apparmor/current")
                let expected = process == running.process.id ? "unconfined\n" : "\(profile.name) (enforce)\n"
                #expect(text == expected, "\(process)")
            }
            let joined = try host.exec(id, ["cat", "/proc/self/attr/apparmor/current"])
            #expect(joined.output == "\(profile.name) (enforce)\n")
        }

        @Test("what is masked is denied by the profile itself, and ordinary work is not")
        func denies() throws {
            let host = try TestHost()
            let outcome = try host.shell("cat /proc/kcore; ls /sys/firmware; kill -0 $$ && ls / > /tmp/x && cat /tmp/x")
            #expect(outcome.error.contains("can't open '/proc/kcore': Permission denied"), "\(outcome.error)")
            #expect(outcome.error.contains("'/sys/firmware': Permission denied"), "\(outcome.error)")
            #expect(outcome.output.contains("proc"))
        }

        @Test("a profile that is not loaded is refused, unconfined means none")
        func named() throws {
            let host = try TestHost()
            let failure = try #require(throws: Failure.self) {
                try host.run(["true"]) { $0.isolation.appArmor = .named("no-such-profile") }
            }
            #expect(failure.code == "apparmor.no-profile")
            let free = try host.run(["cat", "/proc/self/attr/apparmor/current"]) { $0.isolation.appArmor = .unconfined }
            #expect(free.output == "unconfined\n")
            #expect(try host.containerizer.list().isEmpty)
        }
    }
}
