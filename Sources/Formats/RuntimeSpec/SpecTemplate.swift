/// What `spec` writes: a configuration that runs a shell in every namespace but a user's.
public enum SpecTemplate {
    public static func document(rootless: Bool) -> SpecValue {
        let capabilities: SpecValue = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
        var namespaces: [SpecValue] = ["pid", "network", "ipc", "uts", "mount", "cgroup"].map {
            ["type": .string($0)]
        }
        var linux = SpecValue.noMembers
        if rootless {
            namespaces.append(["type": "user"])
            let map: SpecValue = [["containerID": 0, "hostID": 0, "size": 1]]
            linux["uidMappings"] = map
            linux["gidMappings"] = map
        } else {
            linux["resources"] = ["devices": [["allow": false, "access": "rwm"]]]
        }
        linux["namespaces"] = .array(namespaces)
        linux["maskedPaths"] = .strings(maskedPaths)
        linux["readonlyPaths"] = .strings(["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"])
        return [
            "ociVersion": .string(RuntimeState.version),
            "process": [
                "terminal": true, "user": ["uid": 0, "gid": 0], "args": ["sh"],
                "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
                "cwd": "/",
                "capabilities": ["bounding": capabilities, "effective": capabilities, "permitted": capabilities],
                "rlimits": [["type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024]], "noNewPrivileges": true,
            ],
            "root": ["path": "rootfs", "readonly": true], "hostname": "bulkhead", "mounts": mounts(rootless),
            "linux": .object(linux),
        ]
    }

    private static let maskedPaths = [
        "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/sys/devices/virtual/powercap", "/proc/scsi",
        "/proc/interrupts",
    ]

    private static func mounts(_ rootless: Bool) -> SpecValue {
        func mount(_ destination: String, _ type: String, _ source: String, _ options: [String]) -> SpecValue {
            [
                "destination": .string(destination), "type": .string(type), "source": .string(source),
                "options": .strings(options),
            ]
        }
        return [
            ["destination": "/proc", "type": "proc", "source": "proc"],
            mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
            mount(
                "/dev/pts", "devpts", "devpts",
                ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"] + (rootless ? [] : ["gid=5"])),
            mount("/dev/shm", "tmpfs", "shm", ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
            mount("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
            mount("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", "ro"]),
            mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", "ro"]),
        ]
    }
}
