import Diagnostics

/// What `features` prints, runtime-spec "Features Structure": what is real, so that callers need not try.
public enum RuntimeFeatures {
    public static func document(version: String) -> SpecValue {
        [
            "ociVersionMin": "1.0.0", "ociVersionMax": .string(RuntimeState.version),
            "hooks": [
                "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
            ],
            "mountOptions": .strings(mountOptions),
            "linux": [
                "namespaces": .strings(LinuxSpec.namespaceTypes.sorted()),
                "capabilities": .strings(CapabilitySet.all.names),
                "cgroup": ["v1": true, "v2": true, "systemd": false, "systemdUser": false, "rdma": true],
                "seccomp": [
                    "enabled": true,
                    "actions": [
                        "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS",
                        "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP",
                    ],
                    "operators": [
                        "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT",
                        "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE",
                    ],
                    "archs": ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_X32",
                    "SCMP_ARCH_X86", "SCMP_ARCH_X86_64"],
                    "knownFlags": .strings(filterFlags), "supportedFlags": .strings(filterFlags),
                ],
                "apparmor": ["enabled": true], "selinux": ["enabled": true], "intelRdt": ["enabled": false],
                "mountExtensions": ["idmap": ["enabled": true]], "netDevices": ["enabled": true],
                "memoryPolicy": [
                    "modes": .strings(MemoryPolicyNames.modes), "flags": .strings(MemoryPolicyNames.flags.map(\.name)),
                ],
            ],
            "annotations": ["org.bulkhead.oci.version": .string(version)],
            "potentiallyUnsafeConfigAnnotations": ["run.oci.keep_original_groups"],
        ]
    }

    private static let filterFlags = [
        "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC",
        "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
    ]

    private static var mountOptions: [String] {
        let plain = [
            "atime", "dev", "diratime", "exec", "noatime", "nodev", "nodiratime", "noexec", "norelatime",
            "nostrictatime", "nosuid", "nosymfollow", "relatime", "ro", "rw", "strictatime", "suid", "symfollow",
        ]
        let propagation = ["private", "shared", "slave", "unbindable"]
        let others = [
            "async", "bind", "copy-symlink", "defaults", "dest-nofollow", "dirsync", "idmap", "iversion", "lazytime",
            "loud", "mand", "noiversion", "nolazytime", "nomand", "rbind", "remount", "ridmap", "silent",
            "src-nofollow", "sync", "tmpcopyup",
        ]
        return (plain + plain.map { "r" + $0 } + propagation + propagation.map { "r" + $0 } + others).sorted()
    }
}
