export OMPI_MCA_btl=tcp,self
