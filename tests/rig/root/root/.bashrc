PS1='root-linux:\w# '
export PAGER=cat SYSTEMD_PAGER=
