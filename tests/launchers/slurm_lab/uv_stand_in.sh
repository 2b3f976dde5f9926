#!/bin/sh
# In place of uv on the lab's node, which cannot download: the environments that SkyPilot asks for
# are made with venv, and what its own wheel needs is taken from the tests' environment
# ($LAB_PACKAGES), where the same version is installed.
set -e

site() { "$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }

case "$1 $2" in
-V*) echo "uv stand-in" ;;
venv*)
  for folder in "$@"; do case "$folder" in --*) [ "$folder" = --system-site-packages ] && shared=$folder ;; esac; done
  # Options with values come in any order: the folder is the word that is a path and no interpreter.
  shift
  while [ $# -gt 0 ]; do
    case "$1" in
    --python) shift ;;
    --*) ;;
    *) folder=$1 ;;
    esac
    shift
  done
  python3 -m venv --without-pip $shared "$folder"
  [ -n "$shared" ] || echo "import site; site.addsitedir('$LAB_PACKAGES')" >"$(site "$folder")/lab.pth"
  printf '#!/bin/sh\nexec "%s/bin/python" -m pip "$@"\n' "$folder" >"$folder/bin/pip"
  chmod +x "$folder/bin/pip"
  ;;
"pip install")
  for wheel in "$@"; do :; done
  "$VIRTUAL_ENV/bin/python" -m zipfile -e "${wheel%\[*}" "$(site "$VIRTUAL_ENV")"
  ;;
"pip list" | "pip uninstall") ;; # a new environment has nothing of its own yet
*) echo "uv stand-in: $* is not expected" >&2 && exit 2 ;;
esac
