PS1='root-linux:\w# '
export PAGER=cat SYSTEMD_PAGER=
if [ -r /run/terminal-size ]; then
        stty $(cat /run/terminal-size)
fi
