import LinuxKernel

/// Where AppArmor's compiler is.
public enum AppArmorTool {
    private static let places = ["/usr/sbin/apparmor_parser", "/sbin/apparmor_parser"]
    public static var path: String? { places.first(where: HostFacts.exists) }
}

/// What the host's security modules can do for containers.
enum SecurityModules {
    static func appArmor() -> Ability {
        let text = probed { try TextFile.read("/sys/module/apparmor/parameters/enabled", limit: 16) }
        guard text?.begins(with: "Y") == true else {
            return Ability(
                .unavailable, why: "AppArmor is not active on this host", remedy: "boot with lsm=…,apparmor")
        }
        guard HostFacts.exists("/sys/kernel/security/apparmor/profiles") else {
            return Ability(
                .unavailable, why: "AppArmor is active, and its files are not mounted",
                remedy: "mount -t securityfs none /sys/kernel/security")
        }
        return AppArmorTool.path != nil
            ? .enforced
            : Ability(
                .unavailable, why: "AppArmor is active, and nothing here compiles profiles for it",
                remedy: "install the package apparmor, which has apparmor_parser")
    }

    static func selinux() -> Ability {
        switch SELinux.state() {
        case .absent:
            Ability(.unavailable, why: "SELinux is not active on this host", remedy: "boot with lsm=…,selinux")
        case .hidden:
            Ability(
                .unavailable, why: "SELinux is active, and its files are not mounted or not ours to read",
                remedy: "mount -t selinuxfs none /sys/fs/selinux")
        case .empty:
            Ability(
                .unavailable, why: "SELinux is active and has no policy: it denies nothing",
                remedy: "install and load a policy, such as selinux-policy-default")
        case .permissive:
            Ability(.weakened, why: "SELinux only reports what it would deny", remedy: "setenforce 1")
        case .enforcing: .enforced
        }
    }

    /// Moving files between directories, which every unpacking needs, is a right of its own since the second version.
    static func landlock() -> Ability {
        let version = Landlock.version
        return version >= 2
            ? .enforced
            : Ability(
                .unavailable,
                why: version == 0 ? "Landlock is not among the active security modules"
                    : "this kernel's Landlock cannot allow to move files",
                remedy: "Linux 5.19 or newer, with lsm=landlock,… on its command line")
    }
}
