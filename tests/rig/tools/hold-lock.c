// SPDX-License-Identifier: GPL-2.0-or-later
/* hold-lock FILE: locks a file as a worker does (an OFD lock for writing), says "locked", and keeps it until killed. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
        struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        int fd = argc == 2 ? open(argv[1], O_RDWR | O_CLOEXEC) : -1;

        if (fd < 0 || fcntl(fd, F_OFD_SETLK, &whole) < 0) {
                perror("hold-lock");
                return EXIT_FAILURE;
        }
        puts("locked");
        fflush(stdout);
        for (;;)
                pause();
}
