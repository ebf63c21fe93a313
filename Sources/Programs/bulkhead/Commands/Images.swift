import ArgumentParser

struct Images: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image", abstract: "Import, verify, list, show, remove and export images.",
        discussion: """
            Examples:
              docker save alpine | bulkhead image import -
              bulkhead image ls
              bulkhead image inspect busybox
            """,
        subcommands: [
            ImportImage.self, ListImages.self, InspectImages.self, MountImage.self, UnmountImage.self,
            RemoveImages.self,
            PruneImages.self, ExportImage.self, VerifyImage.self,
        ])
}
