import CLinux
import Glibc

/// A block device over a file, loop(4).
public enum LoopDevice {
    /// Others may take the device we were told is free before we do.
    private static let attempts = 64

    public static var isAvailable: Bool { HostFacts.exists("/dev/loop-control") }

    /// A loop device over `file`, open. The kernel lets go of it when nobody has it open or mounted any more, so it
    /// needs no clean-up, whatever becomes of us (LO_FLAGS_AUTOCLEAR).
    public static func over(
        _ file: OwnedDescriptor, blockSize: UInt32 = 4_096
    ) throws(KernelError) -> (path: String, device: OwnedDescriptor) {
        let control = try OwnedDescriptor.open("/dev/loop-control", [.readWrite])
        for _ in 0..<attempts {
            let number = try checked("ioctl(LOOP_CTL_GET_FREE)") { bh_loop_free(control.number) }
            let path = "/dev/loop\(number)"
            let device = try OwnedDescriptor.open(RawPath(path), [.readWrite])
            do throws(KernelError) {
                try checked("ioctl(LOOP_CONFIGURE)", on: path) {
                    bh_loop_configure(device.number, file.number, blockSize)
                }
                return (path, device)
            } catch {
                if error.errno != EBUSY { throw error }
            }
        }
        throw KernelError(call: "ioctl(LOOP_CONFIGURE): every free device was taken meanwhile", errno: EBUSY)
    }
}
