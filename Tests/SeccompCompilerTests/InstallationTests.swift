import CLinux
import Diagnostics
import Glibc
import LinuxKernel
import SeccompCompiler
import SeccompFormat
import Testing

/// The compiled filters in the real kernel, each in a process of its own that ends with the test.
@Suite("Filters in the kernel")
struct InstallationTests {
    @Test("under the default profile a process works and cannot leave")
    func defaultProfile() async {
        await #expect(processExitsWith: .exitCode(0)) {
            let filter = SeccompProfile.default.resolve(for: [], kernel: KernelRelease(major: 6, minor: 1))
            try FilterInstallation.install(try FilterCompiler.compile(filter))
            require(bh_unshare(0x1000_0000) == -1 && errno == EPERM, "unshare")
            require(bh_umount2("/", 0) == -1 && errno == EPERM, "umount2")
            require(bh_setns(0, 0) == -1 && errno == EPERM, "setns")
            require(bh_ioctl_int(0, 0x5412, 0) == -1 && errno == EPERM, "TIOCSTI")
            require(bh_ioctl_int(0, 0x1_0000_5412, 0) == -1 && errno == EPERM, "TIOCSTI with a high bit")
            require(bh_bpf(0, nil, 0) == -1 && errno == EPERM, "bpf")
            require(socket(38, 5, 0) == -1 && errno == EAFNOSUPPORT, "AF_ALG")
            require(socket(40, 1, 0) == -1 && errno == EAFNOSUPPORT, "AF_VSOCK")
            require(socket(16, 3, 6) == -1 && errno == EPROTONOSUPPORT, "NETLINK_XFRM")
            require(socket(16, 3, 0) >= 0, "NETLINK_ROUTE")
            require(socket(2, 1, 0) >= 0, "AF_INET")
            var ends: [Int32] = [-1, -1]
            require(socketpair(1, 1, 0, &ends) == 0, "socketpair")
            require(open("/proc/self/status", O_RDONLY) >= 0, "open")
            require(childStatus() == 7, "a child process")
            exit(0)
        }
    }

    @Test("under the unpacker's filter files and threads work")
    func unpackerWorks() async {
        await #expect(processExitsWith: .exitCode(0)) {
            try FilterInstallation.install(try FilterCompiler.compile(UnpackerFilter.filter))
            let thread = try WorkerThread { _ = getpid() }
            thread.join()
            let text = try OwnedDescriptor.open("/proc/self/status").readAll(limit: 1 << 20)
            require(!text.isEmpty, "reading a file")
            require(mmap(nil, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED, "mmap")
            require(kill(getppid(), 0) == -1, "kill")
            _exit(0)
        }
    }

    @Test("under the unpacker's filter a socket, a program or a new process ends it")
    func unpackerCannotLeave() async {
        await #expect(processExitsWith: .signal(SIGSYS)) {
            try FilterInstallation.install(try FilterCompiler.compile(UnpackerFilter.filter))
            _ = socket(1, 1, 0)
            _exit(0)
        }
        await #expect(processExitsWith: .signal(SIGSYS)) {
            try FilterInstallation.install(try FilterCompiler.compile(UnpackerFilter.filter))
            execv("/bin/true", [nil])
            _exit(0)
        }
        await #expect(processExitsWith: .signal(SIGSYS)) {
            try FilterInstallation.install(try FilterCompiler.compile(UnpackerFilter.filter))
            _ = bh_unshare(0x1000_0000)
            _exit(0)
        }
    }

    @Test("under init's filter writing works and opening ends it")
    func initFilter() async {
        await #expect(processExitsWith: .exitCode(0)) {
            try FilterInstallation.install(try FilterCompiler.compile(InitFilter.filter))
            var byte = UInt8(0)
            let result = write(-1, &byte, 1)
            _exit(result == -1 && errno == EBADF ? 0 : 1)
        }
        await #expect(processExitsWith: .signal(SIGSYS)) {
            try FilterInstallation.install(try FilterCompiler.compile(InitFilter.filter))
            _ = open("/", O_RDONLY)
            _exit(0)
        }
    }

    @Test("a program the kernel does not accept is refused and nothing is filtered")
    func refusedProgram() async {
        await #expect(processExitsWith: .exitCode(0)) {
            let broken = CompiledFilter(name: "broken", bytes: [0x99, 0, 0, 0, 0, 0, 0, 0])
            do throws(Failure) {
                try FilterInstallation.install(broken)
                exit(1)
            } catch {
                require(error.code == "seccomp.install-failed", "the code")
                require(error.cause?.contains("EINVAL") == true, "the cause")
            }
            exit(0)
        }
    }
}

/// Ends the process with a word on standard error unless `condition` holds; `#expect` is no help under a filter.
private func require(_ condition: Bool, _ what: String) {
    if condition { return }
    perror("not as expected: \(what)")
    _exit(1)
}

/// The exit status of a child process that does nothing but exit with 7.
private func childStatus() -> Int32 {
    var child = pid_t(0)
    var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sh"), strdup("-c"), strdup("exit 7"), nil]
    var environment: [UnsafeMutablePointer<CChar>?] = [nil]
    guard posix_spawn(&child, "/bin/sh", nil, nil, &arguments, &environment) == 0 else { return -1 }
    var status: Int32 = 0
    guard waitpid(child, &status, 0) == child else { return -1 }
    return (status >> 8) & 0xff
}
