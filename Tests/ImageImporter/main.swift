import ImageStorage
import LinuxKernel

// Imports one archive into a store: the process that crash tests kill at every system call.
//     image-importer STORE UNPACKER ARCHIVE
let arguments = CommandLine.arguments
precondition(arguments.count == 4, "usage: image-importer STORE UNPACKER ARCHIVE")
do {
    let store = try ImageStore(root: arguments[1], unpacker: Unpacker(program: arguments[2]))
    _ = try store.importImages(ImportRequest(source: .path(arguments[3])))
} catch {
    print(error)
    OwnProcess.exit(1)
}
