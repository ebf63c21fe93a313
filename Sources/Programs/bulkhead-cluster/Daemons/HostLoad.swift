import ClusterAPI
import LinuxKernel

/// How loaded this machine is, from proc(5).
enum HostLoad {
    private static let textMax = 1 << 16

    /// Nil when /proc is not there or not as it should be.
    static func read() -> SystemLoad? {
        do throws(KernelError) {
            return SystemLoad(
                loadAverages: try TextFile.read("/proc/loadavg", limit: textMax),
                memory: try TextFile.read("/proc/meminfo", limit: textMax), processors: HostFacts.processorCount())
        } catch {
            return nil
        }
    }
}
