import CLinux
import Glibc

/// Starting a helper program of ours on the host: never anything from an image, never with an image's environment.
public enum ToolProcess {
    /// Starts `executable` (a path) with an empty environment but for `environment`, in directory `/`, with exactly
    /// `descriptors` as 0, 1, 2, … (nil: /dev/null) and no other descriptor; `name` is its first argument, otherwise
    /// its path is. See posix_spawn(3).
    public static func start(
        _ executable: String, _ arguments: [String], named name: String? = nil, environment: [String] = [],
        descriptors: [OwnedDescriptor?]
    ) throws(KernelError) -> ProcessHandle {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // First above everything, then down, so that no number is overwritten before it has been moved.
        let above = (descriptors.compactMap { $0?.number } + [199]).reduce(0, max) + 1
        for (index, descriptor) in descriptors.enumerated() {
            if let descriptor { posix_spawn_file_actions_adddup2(&actions, descriptor.number, above + Int32(index)) }
        }
        for (index, descriptor) in descriptors.enumerated() {
            if descriptor != nil {
                posix_spawn_file_actions_adddup2(&actions, above + Int32(index), Int32(index))
            } else {
                posix_spawn_file_actions_addopen(&actions, Int32(index), "/dev/null", O_RDWR, 0)
            }
        }
        bh_spawn_actions_finish(&actions, Int32(descriptors.count))

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var argumentPointers = ([name ?? executable] + arguments).map { strdup($0) } + [nil]
        var environmentPointers = environment.map { strdup($0) } + [nil]
        defer { (argumentPointers + environmentPointers).forEach { free($0) } }
        var process: pid_t = 0
        let problem = posix_spawn(
            &process, executable, &actions, &attributes, &argumentPointers, &environmentPointers)
        withExtendedLifetime(descriptors) {}
        guard problem == 0 else { throw KernelError(call: "posix_spawn", on: executable, errno: problem) }
        do throws(KernelError) { return try ProcessHandle.open(process) } catch {
            // Nobody could wait for it any more.
            kill(process, SIGKILL)
            var status: Int32 = 0
            while waitpid(process, &status, 0) < 0, errno == EINTR {}
            throw error
        }
    }
}
